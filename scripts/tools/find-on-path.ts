import { realpathSync, statSync } from 'node:fs';
import path from 'node:path';
import { $, which } from 'zx';
import type { Tool } from './manifest.ts';

/**
 * Folder on PATH that holds every program of a tool in a version that fits. The programs must stand side by side: Pulumi
 * warns about a language host from elsewhere, and versions are asked of the first alone.
 */
export async function findOnPath(tool: Tool, ignoring: string): Promise<string | undefined> {
  const { programs } = tool;
  for (const candidate of which.sync(programs[0] ?? tool.name, { all: true, nothrow: true }) ?? []) {
    const real = realpathSync(candidate);
    // What an earlier run of ours linked is no find.
    if (candidate.startsWith(ignoring) || real.startsWith(ignoring)) continue;
    const folder = [path.dirname(candidate), path.dirname(real)].find((dir) =>
      programs.every((program) => isFile(path.join(dir, program))),
    );
    if (folder === undefined) continue;
    const version = await readVersion(path.join(folder, programs[0] ?? tool.name), tool.versionArguments);
    if (version !== undefined && tool.fits(version)) return folder;
  }
  return undefined;
}

async function readVersion(program: string, args: readonly string[]): Promise<[number, number, number] | undefined> {
  const printed = await $({ nothrow: true, quiet: true, timeout: '20s' })`${program} ${args}`;
  return parseVersion(printed.stdout);
}

/** The first version in a text such as `Kubernetes v1.34.4`. */
export function parseVersion(text: string): [number, number, number] | undefined {
  const found = /(\d+)\.(\d+)\.(\d+)/.exec(text);
  return found === null ? undefined : [Number(found[1]), Number(found[2]), Number(found[3])];
}

function isFile(file: string): boolean {
  return statSync(file, { throwIfNoEntry: false })?.isFile() ?? false;
}

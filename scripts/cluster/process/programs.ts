import { mkdir, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClusterFolder } from '../cluster.ts';
import { recordedProcess, recordProcess } from './process-id.ts';
import type { Sandbox } from './sandbox.ts';

/** A program of the cluster that runs as a process of its namespaces. */
export interface Program {
  readonly name: string;
  readonly file: string;
  readonly args: readonly string[];
}

/** Starts a program unless it runs. Its log is `run/log/<name>.log`. */
export async function startProgram(folder: ClusterFolder, sandbox: Sandbox, program: Program): Promise<void> {
  const record = recordOf(folder, program.name);
  if ((await recordedProcess(record)) !== undefined) return;
  await mkdir(path.dirname(record), { recursive: true });
  await mkdir(path.dirname(logOf(folder, program.name)), { recursive: true, mode: 0o700 });
  // nsenter waits for what it starts, so it is there as long as the program.
  const child = await sandbox.start(program.file, program.args, logOf(folder, program.name));
  await recordProcess(record, child.pid ?? 0);
}

/** Names of the programs that were started, and whether each still runs. */
export async function listPrograms(folder: ClusterFolder): Promise<ReadonlyMap<string, boolean>> {
  const files = await readdir(path.join(folder.run, 'pids')).catch(() => []);
  const found = new Map<string, boolean>();
  for (const name of files.sort()) found.set(name, (await recordedProcess(recordOf(folder, name))) !== undefined);
  return found;
}

/**
 * Waits until `attempt` answers without an error.
 *
 * @throws Error with the last lines of the program's log where it has ended, or after `timeoutMs`
 */
export async function waitForProgram<T>(
  folder: ClusterFolder,
  name: string,
  attempt: () => Promise<T>,
  timeoutMs = 120_000,
): Promise<T> {
  for (const deadline = Date.now() + timeoutMs; ; await sleep(200)) {
    try {
      return await attempt();
    } catch (error) {
      const runs = (await recordedProcess(recordOf(folder, name))) !== undefined;
      if (runs && Date.now() < deadline) continue;
      const log = await readFile(logOf(folder, name), 'utf8').catch(() => '');
      const what = runs ? `does not answer after ${timeoutMs / 1000} s` : 'has ended';
      throw new Error(`${name} ${what}: ${(error as Error).message}\n${log.trim().split('\n').slice(-8).join('\n')}`);
    }
  }
}

function recordOf(folder: ClusterFolder, name: string): string {
  return path.join(folder.run, 'pids', name);
}

function logOf(folder: ClusterFolder, name: string): string {
  return path.join(folder.run, 'log', `${name}.log`);
}

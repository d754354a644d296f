import { readFile, writeFile } from 'node:fs/promises';

/** A process of this machine that cannot be mistaken for a later one with the same number. */
export interface ProcessId {
  readonly pid: number;
  /** When it started, in the kernel's ticks since boot. */
  readonly started: string;
}

/** Identity of the process that has this number now; undefined where there is none, or only what is left of one. */
export async function identify(pid: number): Promise<ProcessId | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  // The name in parentheses may hold anything.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, started] = [fields?.[0], fields?.[19]];
  return started === undefined || state === 'Z' || state === 'X' ? undefined : { pid, started };
}

export async function isAlive(id: ProcessId): Promise<boolean> {
  return (await identify(id.pid))?.started === id.started;
}

/** Remembers a process in a file. */
export async function recordProcess(file: string, pid: number): Promise<void> {
  const id = await identify(pid);
  if (id !== undefined) await writeFile(file, `${id.pid} ${id.started}\n`);
}

/** The process that a file remembers, if it is still there. */
export async function recordedProcess(file: string): Promise<ProcessId | undefined> {
  const text = await readFile(file, 'utf8').catch(() => '');
  const [pid = '', started = ''] = text.trim().split(' ');
  const id = { pid: Number(pid), started };
  return pid !== '' && (await isAlive(id)) ? id : undefined;
}

/** Numbers of the processes that a process has started. */
export async function childrenOf(pid: number): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  return text.trim().split(' ').filter(Boolean).map(Number);
}

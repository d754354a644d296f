import { type ChildProcess, spawn } from 'node:child_process';
import { open } from 'node:fs/promises';

/** How long a server may take to end in order. */
const graceMs = 5_000;

/** Starts a server of this machine that writes into a file, which only its owner reads. */
export async function startInBackground(
  program: string,
  logFile: string,
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<ChildProcess> {
  const log = await open(logFile, 'a', 0o600);
  const child = spawn(program, [...args], { stdio: ['ignore', log.fd, log.fd], env });
  await log.close();
  return child;
}

/** Ends such a server and waits for its end, by force where it takes long. */
export async function endInBackground(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
  await ended;
  clearTimeout(timer);
}

export function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

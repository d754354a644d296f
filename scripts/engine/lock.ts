import { hostname } from 'node:os';

/** How the backend of files tells of a lock. */
const createdBy = /created by \S+@(\S+) \(pid (\d+)\)/g;

/**
 * Whether a stack is locked by nobody any more: by updates of this very machine, or container, whose engines were killed. Of
 * another machine's nothing is known, and its locks are left to people (`pulumi cancel`).
 *
 * @param message what the engine said as it refused to begin
 */
export function isLockedByDead(
  message: string,
  isAlive: (pid: number) => boolean = processIsAlive,
  host: string = hostname(),
): boolean {
  const locks = [...message.matchAll(createdBy)];
  return locks.length > 0 && locks.every(([, from, pid]) => from === host && !isAlive(Number(pid)));
}

function processIsAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Somebody else's process is one, too.
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

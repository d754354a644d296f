import { hostname } from 'node:os';
import { isProcessAlive } from '../process-alive.ts';

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
  isAlive: (pid: number) => boolean = isProcessAlive,
  host: string = hostname(),
): boolean {
  const locks = [...message.matchAll(createdBy)];
  return locks.length > 0 && locks.every(([, from, pid]) => from === host && !isAlive(Number(pid)));
}

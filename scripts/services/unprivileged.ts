import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';

/**
 * Starts a server that refuses to run as root (PostgreSQL, PgBouncer). Root runs it in a user namespace in which it is
 * nobody; files stay root's own, so a checkout below /root works too. Detached: Ctrl-C reaches the whole foreground group,
 * and what depends on the server must be able to finish first.
 */
export function spawnUnprivileged(
  file: string,
  args: readonly string[],
  options: { readonly stdio: StdioOptions },
): ChildProcess {
  const env = { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' };
  if (process.getuid?.() !== 0) return spawn(file, args, { ...options, env, detached: true });
  // initdb wants a user that exists: nobody.
  return spawn('unshare', ['--user', '--map-user=65534', '--map-group=65534', file, ...args], {
    ...options,
    env,
    detached: true,
  });
}

import path from 'node:path';
import { $, which } from 'zx';

/** A program that comes with the operating system, and the Debian package that brings it. */
export interface SystemProgram {
  /** Names under which the program may be found on PATH, best first. */
  readonly commands: readonly string[];
  readonly debianPackage: string;
  /** Folders that are searched beside PATH. @default none */
  readonly folders?: readonly string[];
}

/** Chromium for the browser tests and the screenshots. */
export const chromium: SystemProgram = {
  commands: ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome'],
  debianPackage: 'chromium',
};

/** MariaDB, with which answers and speed are compared. */
export const mariadb: SystemProgram = {
  commands: ['mariadbd', 'mysqld'],
  debianPackage: 'mariadb-server',
};

/** PgBouncer, the pooler between sites and their server. */
export const pgbouncer: SystemProgram = { commands: ['pgbouncer'], debianPackage: 'pgbouncer' };

/** Redis, for what is measured and tested with it. */
export const redis: SystemProgram = { commands: ['redis-server'], debianPackage: 'redis-server' };

/** containerd and runc, which run a cluster's containers. */
export const containerd: SystemProgram = { commands: ['containerd'], debianPackage: 'containerd' };
export const runc: SystemProgram = { commands: ['runc'], debianPackage: 'runc' };

/** iptables, by which a node brings Services to their pods. */
export const iptables: SystemProgram = { commands: ['iptables'], debianPackage: 'iptables' };

/** The plugins that join pods to a network; one stands for all of them (iproute2 has another `bridge`). */
export const cniPlugins: SystemProgram = {
  commands: ['host-local'],
  debianPackage: 'containernetworking-plugins',
  folders: ['/opt/cni/bin', '/usr/lib/cni'],
};

/** A busybox that loads no libraries, for images made from nothing. */
export const busybox: SystemProgram = { commands: ['busybox'], debianPackage: 'busybox-static' };

/** Makes a Debian out of its packages, for images. */
export const mmdebstrap: SystemProgram = { commands: ['mmdebstrap'], debianPackage: 'mmdebstrap' };

/** Absolute path of the first command of `program` on PATH, or in Debian's folder for servers, or undefined. */
export function findProgram(program: Pick<SystemProgram, 'commands' | 'folders'>): string | undefined {
  // Only root has /usr/sbin on PATH.
  const folders = [...(program.folders ?? []), process.env.PATH, '/usr/sbin'].filter(Boolean).join(path.delimiter);
  for (const command of program.commands) {
    const found = which.sync(command, { nothrow: true, path: folders });
    if (found) return found;
  }
  return undefined;
}

/**
 * Path of `program`; installs its Debian package first where it is missing and this process may do that (root, apt-get).
 *
 * @returns the path, or undefined where the program is missing and cannot be installed
 */
export async function ensureProgram(program: SystemProgram): Promise<string | undefined> {
  const found = findProgram(program);
  if (found) return found;
  if (process.getuid?.() !== 0 || !findProgram({ commands: ['apt-get'] })) return undefined;
  console.error(`installing the Debian package ${program.debianPackage}`);
  const apt = $({ nothrow: true, quiet: true, env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } });
  await apt`apt-get -qq update`;
  const installed = await apt`apt-get -qq -y --no-install-recommends install ${program.debianPackage}`;
  if (installed.exitCode !== 0)
    console.error(`apt-get could not install ${program.debianPackage}:\n${installed.text().trim()}`);
  return findProgram(program);
}

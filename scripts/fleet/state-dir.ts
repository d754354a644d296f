import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { UsageError } from '../command.ts';

/** Files of a local fleet below one folder. */
export class StateDir {
  readonly root: string;

  constructor(root: string) {
    this.root = root;
  }

  /** Data of the PostgreSQL server. */
  get postgres(): string {
    return path.join(this.root, 'postgres', 'data');
  }

  /** Folder of the sites' content folders. */
  get sites(): string {
    return path.join(this.root, 'sites');
  }

  /** Ghost's content folder of a site, its SQLite file included. */
  contentPath(slug: string): string {
    return path.join(this.sites, slug);
  }

  /** Backups of the fleet's sites, where no other place is named. */
  get backups(): string {
    return path.join(this.root, 'backups');
  }

  logFile(slug: string): string {
    return path.join(this.root, 'logs', `${slug}.log`);
  }

  /** Where the data of a site that is reset goes. */
  asidePath(slug: string, stamp: string): string {
    return path.join(this.root, 'reset', `${slug}-${stamp}`);
  }

  /**
   * Takes the folder for this process and makes its sub-folders. A lock whose process is gone is taken over.
   *
   * @throws UsageError when another fleet runs on it
   */
  async lock(): Promise<void> {
    for (const folder of ['logs', 'sites', 'secrets', 'postgres'])
      await mkdir(path.join(this.root, folder), { recursive: true });
    for (;;) {
      try {
        await writeFile(this.#lockFile, String(process.pid), { flag: 'wx' });
        return;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
      const owner = await this.owner();
      if (owner !== undefined) {
        throw new UsageError([
          `${this.root}: expected no other fleet; process ${owner} runs one there (stop it, or set GHOST_FLEET_STATE to another folder)`,
        ]);
      }
      await rm(this.#lockFile, { force: true });
    }
  }

  /** Process that has the folder, if one does. */
  async owner(): Promise<number | undefined> {
    const pid = Number(await readFile(this.#lockFile, 'utf8').catch(() => ''));
    return pid > 0 && (await isFleet(pid)) ? pid : undefined;
  }

  /** Says where the router of the fleet that has the folder listens. */
  async announce(port: number): Promise<void> {
    await writeFile(this.#portFile, String(port));
  }

  /** Port of the router of the fleet that runs on the folder, if one does. */
  async routerPort(): Promise<number | undefined> {
    const port = Number(await readFile(this.#portFile, 'utf8').catch(() => ''));
    return port > 0 && (await this.owner()) !== undefined ? port : undefined;
  }

  async unlock(): Promise<void> {
    await rm(this.#portFile, { force: true });
    await rm(this.#lockFile, { force: true });
  }

  /** Password of a site's database role: made once, readable by this user alone. */
  databasePassword(slug: string): Promise<string> {
    return this.secret(`${slug}-database-password`, () => randomBytes(24).toString('base64url'));
  }

  databasePasswordFile(slug: string): string {
    return this.secretFile(`${slug}-database-password`);
  }

  /** A secret that is made once and readable by this user alone. */
  async secret(name: string, make: () => string): Promise<string> {
    const file = this.secretFile(name);
    try {
      await writeFile(file, make(), { mode: 0o600, flag: 'wx' });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    return readFile(file, 'utf8');
  }

  secretFile(name: string): string {
    return path.join(this.root, 'secrets', name);
  }

  get #portFile(): string {
    return path.join(this.root, 'fleet.port');
  }

  get #lockFile(): string {
    return path.join(this.root, 'fleet.lock');
  }
}

/** Whether a process exists and is a fleet: after a reboot its number may belong to something else. */
async function isFleet(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => undefined);
  return command === undefined || /\b(start|site-(import|export|backup|restore))\.ts\b/.test(command);
}

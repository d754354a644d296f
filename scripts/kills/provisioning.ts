import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { type Administrator, provisionSiteDatabase } from '../../runtime/database/provision.ts';

/** What the process of this file is sent. */
interface Order {
  readonly admin: Administrator;
  readonly slug: string;
  readonly ghostPath: string;
}

/**
 * Provisions a database for a site, cloned from the template of a Ghost, in a process that can be killed; with what it
 * starts it is a process group of its own. Resolves when the work begins.
 */
export async function startProvisioning({ admin, slug, ghostPath }: Order): Promise<ChildProcess> {
  const { host, port, user, password } = admin;
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', path.resolve(import.meta.filename)], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    detached: true,
  });
  await once(child, 'message');
  child.send({ admin: { host, port, user, password }, slug, ghostPath } satisfies Order);
  return child;
}

if (process.argv[1] === import.meta.filename) {
  process.once('message', async ({ admin, slug, ghostPath }: Order) => {
    await provisionSiteDatabase(admin, { slug, strategy: 'database', password: 'a-password', ghostPath });
    process.disconnect();
  });
  process.send?.('ready');
}

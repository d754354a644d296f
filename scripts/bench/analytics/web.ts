import { EnvironmentReader } from '../../../runtime/environment/reader.ts';
import { ensureStaff } from '../../../runtime/platform/access/accounts.ts';
import { billingSettings } from '../../../runtime/platform/billing/settings.ts';
import type { PlatformDatabase } from '../../../runtime/platform/database/connection.ts';
import type { DatabaseSettings } from '../../../runtime/platform/database/settings.ts';
import { noProvisioner } from '../../../runtime/platform/provisioning/provisioner.ts';
import { createQueue } from '../../../runtime/platform/queue/create-queue.ts';
import { createVolatileStores } from '../../../runtime/platform/volatile/create-volatile-stores.ts';
import type { RateLimiter } from '../../../runtime/platform/volatile/volatile-stores.ts';
import { createServer } from '../../../runtime/platform/web/server.ts';

/** The dashboard's own server on loopback, asked as browsers ask it. */
export interface BenchWeb {
  /** Signs somebody in. @returns asks for a page as them; anything but 200 is an error */
  signIn(email: string): Promise<(path: string) => Promise<string>>;
  stop(): Promise<void>;
}

export const benchStaff = 'ops@example.com';

/** Starts it on a database that is there. Nobody is held to a number of requests: the bench is one visitor. */
export async function startWeb(
  database: PlatformDatabase,
  settings: DatabaseSettings,
  now: () => Date,
): Promise<BenchWeb> {
  const links: string[] = [];
  const unlimited: RateLimiter = {
    take: async () => ({ allowed: true, remaining: 1, resetMs: 0 }),
    reset: async () => undefined,
  };
  const stores = createVolatileStores();
  const queue = createQueue({ database });
  const staff = [{ email: benchStaff, role: 'staff' }] as const;
  const app = await createServer({
    config: {
      url: new URL('http://localhost'),
      host: '127.0.0.1',
      port: 0,
      probePort: undefined,
      trustProxy: false,
      database: settings,
      redis: undefined,
      sessionSecret: 'a secret of a bench, which is long enough',
      signInKey: undefined,
      mail: undefined,
      oidc: undefined,
      provisioning: { kind: 'none' },
      analytics: undefined,
      billing: billingSettings(new EnvironmentReader({})),
      demo: false,
      staff,
      shutdownSeconds: 45,
      stopOnStdinEnd: false,
    },
    database,
    stores: { ...stores, limiter: () => unlimited },
    queue,
    mailer: {
      isLocal: false,
      async send({ text }) {
        links.push(/http\S+\/sign-in\/\S+/.exec(text)?.[0] ?? '');
      },
    },
    provisioner: noProvisioner,
    drivers: {},
    now,
    log: (text, error) => console.error(text, error),
  });
  await database.asFleet((db) => ensureStaff(db, staff));
  const base = await app.listen({ host: '127.0.0.1', port: 0 });
  return {
    async signIn(email) {
      let cookie = '';
      const ask = async (path: string, fields?: Record<string, string>) => {
        const body = fields === undefined ? {} : { method: 'POST', body: new URLSearchParams(fields) };
        const answer = await fetch(`${base}${path}`, { ...body, headers: { cookie }, redirect: 'manual' });
        cookie = answer.headers.getSetCookie()[0]?.split(';')[0] ?? cookie;
        return { status: answer.status, text: await answer.text() };
      };
      const tokenOf = (text: string) => /name="_csrf" value="([^"]+)"/.exec(text)?.[1] ?? '';
      await ask('/sign-in', { _csrf: tokenOf((await ask('/sign-in')).text), email });
      const { pathname } = new URL(links.at(-1) ?? '');
      await ask(pathname, { _csrf: tokenOf((await ask(pathname)).text) });
      return async (path) => {
        const { status, text } = await ask(path);
        if (status !== 200) throw new Error(`${path}: expected 200; got ${status}`);
        return text;
      };
    },
    async stop() {
      await app.close();
      await queue.close();
      await stores.close();
    },
  };
}

import { generateKeyPairSync } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll } from 'vitest';
import { EnvironmentReader } from '../../runtime/environment/reader.ts';
import { ensureStaff } from '../../runtime/platform/access/accounts.ts';
import { manualDriver } from '../../runtime/platform/billing/drivers/manual.ts';
import { billingSettings } from '../../runtime/platform/billing/settings.ts';
import type { PlatformConfig } from '../../runtime/platform/config.ts';
import type { Mailer, Message } from '../../runtime/platform/mail.ts';
import { noProvisioner, type Provisioner } from '../../runtime/platform/provisioning/provisioner.ts';
import { putSite } from '../../runtime/platform/provisioning/registration.ts';
import { createQueue } from '../../runtime/platform/queue/create-queue.ts';
import type { Services } from '../../runtime/platform/services.ts';
import { createVolatileStores } from '../../runtime/platform/volatile/create-volatile-stores.ts';
import { createServer } from '../../runtime/platform/web/server.ts';
import { siteSchema } from '../../sites/schema.ts';
import { type TestPlatform, usePlatformDatabase } from './platform-database.ts';
import { WebClient } from './web-client.ts';

/** The platform's server in this process, with what it works with. */
export interface TestService {
  readonly platform: TestPlatform;
  services: Services;
  app: FastifyInstance;
  /** Everything that was mailed. */
  readonly mails: Message[];
  /** Lines that were logged. */
  readonly log: string[];
}

export const staffEmail = 'ops@example.com';

/** Starts the platform's server before the tests of the calling file; the database goes through PgBouncer. */
export function usePlatformService(
  options: {
    readonly provisioner?: (database: Services['database']) => Provisioner;
    readonly config?: object | (() => Promise<object>);
  } = {},
): TestService {
  const shared = { platform: usePlatformDatabase({ pooler: true }), mails: [], log: [] } as unknown as TestService;
  beforeAll(async () => {
    const { database, settings } = shared.platform;
    const mailer: Mailer = {
      isLocal: false,
      async send(message) {
        shared.mails.push(message);
      },
    };
    const signInKey = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const config: PlatformConfig = {
      url: new URL('http://platform.localhost:3000'),
      host: '127.0.0.1',
      port: 3000,
      probePort: undefined,
      trustProxy: false,
      database: settings,
      redis: undefined,
      sessionSecret: 'a secret of a test, which is long enough',
      signInKey,
      mail: undefined,
      oidc: undefined,
      provisioning: { kind: 'none' },
      analytics: undefined,
      billing: billingSettings(new EnvironmentReader({})),
      demo: false,
      staff: [{ email: staffEmail, role: 'admin' }],
      shutdownSeconds: 45,
      stopOnStdinEnd: false,
      ...(typeof options.config === 'function' ? await options.config() : options.config),
    };
    const log = (text: string, error?: unknown) => shared.log.push(`${text} ${String(error ?? '')}`);
    shared.services = {
      config,
      database,
      stores: createVolatileStores(),
      queue: createQueue({ database, log }),
      mailer,
      provisioner: options.provisioner?.(database) ?? noProvisioner,
      drivers: { manual: manualDriver },
      now: () => new Date(),
      log,
    };
    await database.asFleet((db) => ensureStaff(db, config.staff));
    shared.app = await createServer(shared.services);
  });
  afterAll(async () => {
    await shared.app?.close();
    await shared.services?.provisioner.close();
    await shared.services?.queue.close();
    await shared.services?.stores.close();
  });
  return shared;
}

/** Registers a site, its creator and the creator's account. @returns the creator's id */
export async function registerSite(service: TestService, slug: string, creator: string): Promise<string> {
  const domains = [`${slug}.example.com`];
  const site = siteSchema.parse({ slug, creator, title: `Title of ${slug}`, domains, plan: 'studio' });
  return service.platform.database.asFleet(async (db) => {
    await putSite(db, { site, url: `http://${slug}.localhost:3000`, strategy: 'sqlite', stack: 'test' });
    return (await db('creators').where({ email: creator }).first('creator_id')).creator_id as string;
  });
}

/** Signs somebody in by the link that is mailed. */
export async function signIn(service: TestService, email: string): Promise<WebClient> {
  const client = new WebClient(service.app);
  await client.get('/sign-in');
  const before = service.mails.length;
  await client.submit('/sign-in', { email });
  const link = /http\S+\/sign-in\/\S+/.exec(service.mails[before]?.text ?? '')?.[0];
  if (link === undefined) throw new Error(`no link was mailed to ${email}`);
  const { pathname } = new URL(link);
  await client.get(pathname);
  await client.submit(pathname, {});
  return client;
}

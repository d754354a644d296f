import path from 'node:path';
import { platformDatabase, provisionPlatformDatabase } from '../../runtime/platform/database/provision.ts';
import type { PostgresServer } from '../services/postgres.ts';
import { type PlatformSecret, platformSecret, platformSecrets } from './platform-secrets.ts';
import { platformHost } from './router.ts';
import type { StateDir } from './state-dir.ts';
import { type ProcessLaunch, repositoryDir, SupervisedProcess } from './supervised-process.ts';

export interface LocalPlatformArgs {
  readonly state: StateDir;
  readonly server: PostgresServer;
  /** Port of the router, which stands in the dashboard's URL. */
  readonly port: number;
  readonly sitesDir: string;
  /** Fill the dashboard of sites without numbers with made-up ones. */
  readonly demo: boolean;
}

/** Who may see the whole fleet on this machine, where `PLATFORM_ADMINS` names nobody. */
export const localAdmin = 'ops@ghost-fleet.example';

/** The platform as a process of this machine: dashboard, API and worker in one, on the fleet's own PostgreSQL. */
export class LocalPlatform {
  readonly process: SupervisedProcess;
  readonly #args: LocalPlatformArgs;
  #provisioned: Promise<void> | undefined;

  constructor(args: LocalPlatformArgs) {
    this.#args = args;
    this.process = new SupervisedProcess({
      slug: 'platform',
      onePort: true,
      logFile: args.state.logFile('platform'),
      whenFree: (start) => start(),
      launch: ({ port }) => this.#launch(port),
    });
  }

  /** Port of the dashboard; 0 while it does not answer. */
  get port(): number {
    return this.process.state === 'ready' ? this.process.port : 0;
  }

  async #launch(port: number): Promise<ProcessLaunch> {
    const { state, server, sitesDir, demo } = this.#args;
    const owner = await platformSecret(state, 'owner');
    const app = await platformSecret(state, 'app');
    for (const secret of ['session', 'signIn', 'analytics'] as const) await platformSecret(state, secret);
    this.#provisioned ??= provisionPlatformDatabase(server, { owner, app }).catch((error) => {
      this.#provisioned = undefined;
      throw error;
    });
    await this.#provisioned;
    const secretFile = (secret: PlatformSecret) => state.secretFile(platformSecrets[secret]);
    return {
      command: process.execPath,
      args: ['--disable-warning=ExperimentalWarning', path.join(repositoryDir, 'runtime/platform/main.ts'), 'local'],
      env: {
        PATH: process.env.PATH,
        HOME: process.env.HOME,
        TZ: 'UTC',
        NODE_ENV: 'production',
        HOST: '127.0.0.1',
        PORT: String(port),
        PLATFORM_URL: `http://${platformHost}${this.#args.port === 80 ? '' : `:${this.#args.port}`}`,
        DATABASE_HOST: server.host,
        DATABASE_PORT: String(server.port),
        DATABASE_NAME: platformDatabase,
        DATABASE_PASSWORD_FILE: secretFile('app'),
        MIGRATION_PASSWORD_FILE: secretFile('owner'),
        SESSION_SECRET_FILE: secretFile('session'),
        SIGN_IN_KEY_FILE: secretFile('signIn'),
        REDIS_URL: process.env.REDIS_URL,
        PROVISIONING: 'local',
        SITES_DIR: path.resolve(sitesDir),
        FLEET_URL: `http://127.0.0.1:${this.#args.port}`,
        PLATFORM_ADMINS: process.env.PLATFORM_ADMINS ?? localAdmin,
        PLATFORM_DEMO: String(demo),
        ANALYTICS_KEY_FILE: secretFile('analytics'),
        SITES_CONTENT_ROOT: state.sites,
        SITES_SERVERS: JSON.stringify({ default: { host: server.host, port: server.port } }),
        STOP_ON_STDIN_END: 'true',
      },
    };
  }
}

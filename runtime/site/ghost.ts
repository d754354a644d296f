import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import type { Server } from 'node:http';
import { createRequire } from 'node:module';
import path from 'node:path';
import type { Knex } from 'knex';
import type { SiteConfig } from './config.ts';
import { ghostDatabaseConfig } from './database/connection.ts';
import { whileMigrating } from './database/migration-phase.ts';
import { ghostMediaConfig } from './media/ghost-config.ts';
import { ghostSignInConfig } from './sign-in/ghost-config.ts';

/** The part of Ghost's server object that is used here. */
export interface GhostServer {
  readonly httpServer: Server | null;
  /** Stops taking requests, lets those under way finish, ends Ghost's background work. */
  stop(): Promise<void>;
}

/** A Ghost that answers requests. */
export interface RunningGhost {
  readonly server: GhostServer;
  /** Ghost's own connection to the database. */
  readonly knex: Knex;
}

interface GhostConfig {
  get(key: string): unknown;
  set(key: string, value: unknown): void;
}

/** An installed, unmodified Ghost package and the one configuration it runs with in this process. */
export class GhostPackage {
  readonly #config: SiteConfig;
  readonly #require: NodeJS.Require;
  #configured: Promise<void> | undefined;

  constructor(config: SiteConfig) {
    this.#config = config;
    this.#require = createRequire(path.join(config.ghostPath, 'package.json'));
  }

  /** File names of all migrations of this release, as Ghost's ledger lists them: `init` first, then by version. */
  async listMigrations(): Promise<string[]> {
    const root = path.join(this.#config.ghostPath, 'core/server/data/migrations');
    const versions = await readdir(path.join(root, 'versions'));
    const folders = [
      path.join(root, 'init'),
      ...versions.sort().map((version) => path.join(root, 'versions', version)),
    ];
    const files = await Promise.all(folders.map((folder) => readdir(folder)));
    return files.flatMap((names) => names.filter((name) => !name.startsWith('.')).sort());
  }

  /** Initialises an empty database or migrates one that is behind, with Ghost's own migrator. */
  async runMigrations(): Promise<void> {
    await this.#configure();
    const DatabaseStateManager = this.#require('./core/server/data/db/database-state-manager.js') as new (options: {
      knexMigratorFilePath: string;
    }) => { makeReady(): Promise<void> };
    const manager = new DatabaseStateManager({ knexMigratorFilePath: this.#config.ghostPath });
    const { database } = this.#config;
    await (database.client === 'postgres'
      ? whileMigrating(database.direct, () => manager.makeReady())
      : manager.makeReady());
  }

  /**
   * Starts Ghost in this process. Resolves when it serves the site; where it cannot, Ghost itself logs why and ends the
   * process with code 2.
   */
  async boot(): Promise<RunningGhost> {
    await this.#configure();
    const boot = this.#require('./core/boot.js') as () => Promise<GhostServer | undefined>;
    const server = await boot();
    if (server === undefined) throw new Error('Ghost did not start');
    const { knex } = this.#require('./core/server/data/db/index.js') as { knex: Knex };
    return { server, knex };
  }

  /**
   * Hands the configuration over in memory, so that no password stands in a file or in an environment that a child would
   * inherit. What the environment says in Ghost's own words (`mail__transport`, …) keeps working.
   */
  #configure(): Promise<void> {
    this.#configured ??= this.#writeConfiguration();
    return this.#configured;
  }

  async #writeConfiguration(): Promise<void> {
    const { contentPath, ghostPath, host, port, url, logLevel, shutdownSeconds } = this.#config;
    process.env.NODE_ENV ??= 'production';
    // Ghost refuses to load its configuration without these two.
    process.env.url = url;
    process.env.paths__contentPath = contentPath;
    // Ghost resolves its own folders and looks for config.production.json here.
    process.chdir(ghostPath);
    // Ghost reads options from the command line, and this process has its own.
    process.argv.splice(2);
    const config = this.#require('./core/shared/config/index.js') as GhostConfig;
    config.set('server', { host, port, shutdownTimeout: shutdownSeconds * 1000 });
    config.set('database', ghostDatabaseConfig(this.#config.database));
    if (process.env.logging__transports === undefined) {
      config.set('logging', {
        level: logLevel === 'debug' ? 'info' : logLevel,
        transports: ['stdout'],
        rotation: { enabled: false },
      });
    }
    if (this.#config.media !== undefined) {
      for (const [key, value] of Object.entries(ghostMediaConfig(this.#config.media))) config.set(key, value);
    }
    for (const [key, value] of Object.entries(ghostSignInConfig(this.#config) ?? {})) config.set(key, value);
    const mail = this.#mailConfig(config.get('mail'));
    if (mail !== undefined) config.set('mail', mail);
    const seeds = await this.#writeDefaultSettings();
    if (seeds !== undefined) config.set('paths:defaultSettings', seeds);
  }

  #mailConfig(own: unknown): unknown {
    const { from, host, port, user, password } = this.#config.mail;
    const ghostsOwn = typeof own === 'object' && own !== null ? own : {};
    if (host === undefined) return from === undefined ? undefined : { ...ghostsOwn, from };
    const auth = user === undefined ? {} : { auth: { user, pass: password } };
    return {
      ...ghostsOwn,
      transport: 'SMTP',
      options: { host, port, secure: port === 465, ...auth },
      ...(from === undefined ? {} : { from }),
    };
  }

  /**
   * Title and theme of the first boot: Ghost creates each setting once, from the defaults in a file that its configuration
   * names, and never looks at the default again.
   */
  async #writeDefaultSettings(): Promise<string | undefined> {
    const { title, theme, contentPath, ghostPath } = this.#config;
    if (title === undefined && theme === undefined) return undefined;
    const source = path.join(ghostPath, 'core/server/data/schema/default-settings/default-settings.json');
    const defaults = JSON.parse(await readFile(source, 'utf8')) as {
      site: { title: { defaultValue: string } };
      theme: { active_theme: { defaultValue: string } };
    };
    if (title !== undefined) defaults.site.title.defaultValue = title;
    if (theme !== undefined) defaults.theme.active_theme.defaultValue = theme;
    const file = path.join(contentPath, 'data', 'default-settings.json');
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, JSON.stringify(defaults));
    return file;
  }
}

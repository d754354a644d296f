import { createRequire, registerHooks } from 'node:module';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { createPostgresClient } from './client.ts';

/** Where the replaced module finds this project's code: a registered symbol, since its source text is all there is. */
const factory = Symbol.for('ghost-fleet.createPostgresClient');

const replaced = /[\\/]knex[\\/]lib[\\/]dialects[\\/]mysql2[\\/]index\.js$/;

let installedFor: string | undefined;

export interface DialectOptions {
  /** Folder of the installed Ghost package. */
  readonly ghostPath: string;
  /** The site's database, for connections that name none. */
  readonly siteDatabase: string;
}

/** A copy of knex was loaded with its own mysql2 dialect: its queries would look for a MySQL server. */
export class DialectNotInstalledError extends Error {
  constructor(files: readonly string[]) {
    super(`expected every knex to be given the PostgreSQL dialect; these kept their own: ${files.join(', ')}`);
    this.name = 'DialectNotInstalledError';
  }
}

/**
 * Puts PostgreSQL in the place of the `mysql2` dialect of every copy of knex that is loaded from now on. To be called
 * before Ghost is loaded; a second call changes nothing. No other module is touched, but for the label below.
 */
export function installPostgresDialect(options: DialectOptions): void {
  if (installedFor !== undefined) return;
  installedFor = options.ghostPath;
  Object.assign(globalThis, {
    [factory]: (require: NodeJS.Require) => createPostgresClient(require, options.siteDatabase),
  });
  const source = `module.exports = globalThis[Symbol.for('${factory.description}')](require);`;
  const databaseInfo = pathToFileURL(resolveDatabaseInfo(options.ghostPath)).href;
  registerHooks({
    load(url, context, next) {
      if (url.startsWith('file:') && replaced.test(fileURLToPath(url)))
        return { format: 'commonjs', source, shortCircuit: true };
      // The one place that shows the database's name to people: it tells MySQL by the version and must not say so.
      if (url === databaseInfo)
        return { format: 'commonjs', source: labelSource(fileURLToPath(url)), shortCircuit: true };
      return next(url, context);
    },
  });
}

/**
 * Asserts that no copy of knex in this process kept its own dialect; for after Ghost has booted.
 *
 * @throws DialectNotInstalledError with the files
 */
export function assertDialectInstalled(): void {
  if (installedFor === undefined) throw new DialectNotInstalledError(['none was asked for']);
  const { cache } = createRequire(path.join(installedFor, 'package.json'));
  const kept = Object.keys(cache).filter(
    (file) => replaced.test(file) && (cache[file]?.exports as { name?: string })?.name !== 'GhostPostgresClient',
  );
  if (kept.length > 0) throw new DialectNotInstalledError(kept);
}

function resolveDatabaseInfo(ghostPath: string): string {
  const require = createRequire(path.join(ghostPath, 'package.json'));
  return path.join(path.dirname(require.resolve('@tryghost/database-info')), 'lib', 'DatabaseInfo.js');
}

/** A subclass of Ghost's DatabaseInfo that says PostgreSQL where the driver is this project's. */
function labelSource(file: string): string {
  return `
const { readFileSync } = require('node:fs');
const own = new (module.constructor)(${JSON.stringify(file)}, module);
own.filename = ${JSON.stringify(file)};
own.paths = module.paths;
own._compile(readFileSync(${JSON.stringify(file)}, 'utf8'), ${JSON.stringify(file)});
module.exports = class DatabaseInfo extends own.exports {
  async init() {
    await super.init();
    const version = /PostgreSQL-([\\d.]+)/.exec(this._databaseDetails.version);
    if (version) Object.assign(this._databaseDetails, { database: 'PostgreSQL', engine: 'postgresql', version: version[1] });
    return this._databaseDetails;
  }
};`;
}

import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { installCompatSchema } from '../site/database/compat/schema.ts';
import { type Administrator, withClient } from './administrator.ts';
import { catalogueLock, closeToPublic, createDatabase, ensureRole, setRoleDefaults } from './catalogue.ts';
import { setFixturesAside } from './fixtures.ts';

const { escapeIdentifier: name } = pg;

/** Owns what is in a template and in a clone that is no site's yet. Can log in only while a template is made. */
export const templateRole = 'ghost_template';

/** Key of the advisory lock, in the database `postgres`, that lets one template be made at a time. */
const makingLock = 7_423_003;

/** Ghost could not initialise a template. */
export class TemplateError extends Error {
  constructor(template: string, code: number | null, output: string) {
    super(`template ${template}: expected Ghost to initialise it; its migrator ended with ${code}:\n${output}`);
    this.name = 'TemplateError';
  }
}

/**
 * Name of the template that the Ghost in `ghostPath` has. It ends in a hash of all that decides what is in a template, the
 * dialect and `mysql_compat` included, so that a change of either is another template and none is ever out of date.
 */
export async function templateNameOf(ghostPath: string): Promise<string> {
  const manifest = await readFile(path.join(ghostPath, 'package.json'), 'utf8');
  const { version } = JSON.parse(manifest) as { version: string };
  const hash = createHash('sha256').update(manifest);
  const folders = [
    import.meta.dirname,
    path.join(import.meta.dirname, '../site/database'),
    path.join(ghostPath, 'core/server/data/schema'),
  ];
  for (const folder of folders) {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name));
    for (const file of files.sort()) hash.update(path.relative(folder, file)).update(await readFile(file));
  }
  return `${stemOf(version)}${hash.digest('hex').slice(0, 8)}`;
}

/**
 * The template of the Ghost in `ghostPath`, made first where this server has none: initialised by Ghost's own migrator in a
 * process of its own, without a secret that a clone would keep, closed to every connection. Any number of callers at once
 * make one; what a killed one left is thrown away by the next.
 *
 * @returns the name of the database
 * @throws TemplateError when Ghost could not initialise it
 */
export async function ensureTemplate(admin: Administrator, ghostPath: string): Promise<string> {
  const template = await templateNameOf(ghostPath);
  await withClient(admin, 'postgres', async (client) => {
    if (await isComplete(client, template)) return;
    // The lock goes with this connection, so with this process.
    await client.query('select pg_advisory_lock($1)', [makingLock]);
    if (!(await isComplete(client, template))) await makeTemplate(admin, client, template, ghostPath);
  });
  return template;
}

function stemOf(version: string): string {
  return `${templateRole}_${version.toLowerCase().replaceAll(/[^a-z0-9]+/g, '_')}_`;
}

/** A template becomes PostgreSQL's `is_template` with the last statement of its making. */
async function isComplete(client: pg.Client, template: string): Promise<boolean> {
  const { rowCount } = await client.query('select from pg_database where datname = $1 and datistemplate', [template]);
  return rowCount === 1;
}

async function makeTemplate(
  admin: Administrator,
  client: pg.Client,
  template: string,
  ghostPath: string,
): Promise<void> {
  // A new password first: a migrator that outlived its killed parent cannot come back.
  const password = randomBytes(24).toString('base64url');
  await ensureRole(client, templateRole, password, 10);
  await client.query(`drop database if exists ${name(template)} with (force)`);
  await createDatabase(client, template);
  await closeToPublic(client, template);
  await client.query(`grant connect on database ${name(template)} to ${name(templateRole)}`);
  const defaults = { searchPath: ['public', 'mysql_compat'], statementTimeoutMs: 0 };
  await setRoleDefaults(client, templateRole, template, defaults);
  await withClient(admin, template, async (inside) => {
    await installCompatSchema(inside);
    await inside.query(`alter schema public owner to ${name(templateRole)}`);
    await inside.query('revoke all on schema public from public');
  });
  await runMigrator(admin, template, password, ghostPath);
  await client.query(`alter role ${name(templateRole)} nologin`);
  await withClient(admin, template, (inside) => setFixturesAside(inside, templateRole));
  await client.query(`alter database ${name(template)} with allow_connections false is_template true`);
  await dropPredecessors(client, template);
}

/** Ghost's own migrator, as any site runs it. */
async function runMigrator(admin: Administrator, template: string, password: string, ghostPath: string): Promise<void> {
  const content = await mkdtemp(path.join(tmpdir(), 'ghost-template-'));
  try {
    const entrypoint = path.join(import.meta.dirname, '../site/entrypoint.ts');
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', entrypoint, 'migrate'], {
      env: migratorEnvironment(admin, { template, password, ghostPath, content }),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        output = `${output}${chunk}`.slice(-4_000);
      });
    }
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    if (code !== 0) throw new TemplateError(template, code, output);
  } finally {
    await rm(content, { recursive: true, force: true });
  }
}

/**
 * Environment of the migrator of a template. It speaks to the server as the administrator does: encrypted where that is.
 *
 * @param making password of the role `ghost_template`, folder of Ghost, and a content folder that is thrown away
 */
export function migratorEnvironment(
  { host, port, ssl = 'off' }: Administrator,
  making: {
    readonly template: string;
    readonly password: string;
    readonly ghostPath: string;
    readonly content: string;
  },
): NodeJS.ProcessEnv {
  return {
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    TZ: 'UTC',
    NODE_ENV: 'production',
    MULTISITE_ENABLED: 'false',
    CONTENT_PATH: making.content,
    GHOST_PATH: making.ghostPath,
    DATABASE_CLIENT: 'postgres',
    DATABASE_STRATEGY: 'database',
    DATABASE_HOST: host,
    DATABASE_PORT: String(port),
    DATABASE_SSL: ssl,
    DATABASE_NAME: making.template,
    DATABASE_USER: templateRole,
    DATABASE_PASSWORD: making.password,
  };
}

/** Templates that an earlier dialect made of this release of Ghost: nobody asks for them again, and they hold no data. */
async function dropPredecessors(client: pg.Client, template: string): Promise<void> {
  const stem = template.slice(0, template.lastIndexOf('_') + 1);
  // Nobody may be cloning one meanwhile.
  await client.query('select pg_advisory_lock($1)', [catalogueLock]);
  const { rows } = await client.query<{ datname: string }>(
    'select datname::text from pg_database where starts_with(datname, $1) and datname <> $2 and length(datname) = length($2)',
    [stem, template],
  );
  for (const { datname } of rows) {
    await client.query(`alter database ${name(datname)} with is_template false`);
    await client.query(`drop database ${name(datname)} with (force)`);
  }
  await client.query('select pg_advisory_unlock($1)', [catalogueLock]);
}

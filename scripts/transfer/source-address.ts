import { readFileSync } from 'node:fs';
import type { MysqlSettings } from '../../runtime/database/transfer/mysql-source.ts';
import { UsageError } from '../command.ts';

/** What a site is imported from. */
export type SourceAddress =
  | { readonly kind: 'mysql'; readonly settings: MysqlSettings }
  | { readonly kind: 'sqlite'; readonly filename: string }
  | { readonly kind: 'export'; readonly file: string };

const forms = 'mysql://<user>:<password>@<host>/<database>, sqlite:<file> or <ghost export>.json';

/**
 * Reads the address of a source. Messages never repeat it, since it may hold a password.
 *
 * @param origin where it was given, for messages: `--from`, a file, a variable
 * @throws UsageError
 */
export function parseSourceAddress(text: string, origin: string): SourceAddress {
  const address = text.trim();
  if (/^(mysql|mariadb):/i.test(address)) return { kind: 'mysql', settings: parseMysql(address, origin) };
  const filename = /^sqlite:(.+)$/i.exec(address)?.[1];
  if (filename !== undefined) return { kind: 'sqlite', filename };
  if (/\.json$/i.test(address)) return { kind: 'export', file: address };
  throw new UsageError([`${origin}: expected ${forms}; got something else`]);
}

/**
 * The address from the one place where it was given.
 *
 * @param given values of `--from` and `--from-file`
 * @throws UsageError when it was given nowhere, or in several places
 */
export function readSourceAddress(
  given: { readonly from: string | undefined; readonly fromFile: string | undefined },
  env: NodeJS.ProcessEnv,
): SourceAddress {
  const places = Object.entries({
    '--from': given.from,
    '--from-file': given.fromFile,
    SITE_IMPORT_FROM: env.SITE_IMPORT_FROM,
  });
  const used = places.filter(([, value]) => value !== undefined && value !== '');
  const [origin, value = ''] = used[0] ?? [''];
  if (used.length !== 1) {
    const got = used.length === 0 ? 'none' : used.map(([name]) => name).join(' and ');
    throw new UsageError([`expected one of --from, --from-file and SITE_IMPORT_FROM; got ${got}`]);
  }
  if (origin !== '--from-file') return parseSourceAddress(value, origin);
  try {
    return parseSourceAddress(readFileSync(value, 'utf8'), `--from-file ${value}`);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError([
      `--from-file: expected a file that can be read; got ${value} (${(error as NodeJS.ErrnoException).code})`,
    ]);
  }
}

function parseMysql(text: string, origin: string): MysqlSettings {
  const problems: string[] = [];
  const problem = (expected: string) => problems.push(`${origin}: expected ${expected}`);
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined)
    throw new UsageError([`${origin}: expected ${forms}, with special characters percent-encoded`]);
  const decode = (part: string) => {
    try {
      return decodeURIComponent(part);
    } catch {
      problem('special characters of user and password percent-encoded');
      return '';
    }
  };
  const database = decode(url.pathname.slice(1));
  if (database === '' || database.includes('/')) problem('the name of a database after the host');
  if (url.username === '') problem('a user before the host');
  const unknown = [...url.searchParams.keys()].filter((name) => name !== 'ssl' && name !== 'socket');
  if (unknown.length > 0) problem(`no parameters but ssl and socket; got ${unknown.join(', ')}`);
  const ssl = url.searchParams.get('ssl') ?? 'off';
  if (ssl !== 'off' && ssl !== 'require' && ssl !== 'verify')
    problem(`ssl to be one of off, require, verify; got ${ssl}`);
  const socketPath = url.searchParams.get('socket') ?? undefined;
  const settings = {
    host: url.hostname.replace(/^\[|\]$/g, '') || 'localhost',
    port: Number(url.port || 3306),
    user: decode(url.username),
    password: decode(url.password),
    database,
    ...(socketPath === undefined ? {} : { socketPath }),
    ssl: ssl as MysqlSettings['ssl'],
  };
  if (problems.length > 0) throw new UsageError(problems);
  return settings;
}

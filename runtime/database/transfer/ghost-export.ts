import { readFile, stat } from 'node:fs/promises';
import type { Column, Provenance, Selection, Table, TransferSource, TransferTarget } from './database.ts';
import { SourceUnavailableError, TransferRefusedError } from './refusal.ts';

type ExportRow = Readonly<Record<string, unknown>>;

/** `{ meta, data }` of a file that Ghost wrote, unwrapped from `{ db: [ … ] }`. */
interface ExportContent {
  readonly meta: { readonly version: string };
  readonly data: Readonly<Record<string, readonly ExportRow[]>>;
}

/** V8's longest text, in bytes of the file that is read into one. */
const longestFile = 512 * 1024 * 1024;

/**
 * Tables that Ghost fills itself and an export lacks: the site keeps its own rows. They belong to the release (roles and
 * what they may do) or hold what is secret and was made for this site (keys of Ghost's own integrations).
 */
const ofTheRelease = ['roles', 'permissions', 'permissions_roles'];
const keptUnlessGiven = ['integrations', 'api_keys', 'collections', 'email_design_settings', 'newsletters', 'products'];

/** Rows about members, whom an export lacks: without them they refer to nobody. */
const aboutMembers = ['offer_redemptions'];

/**
 * A JSON export of Ghost's, read whole, seen as the tables of the site that it becomes. Its rows are taken as they are,
 * with their ids, passwords' hashes and times: Ghost's own importer would give new ids, lock every user and demote the
 * owner. The target's rows complete what the export leaves out: settings that are secret, roles, Ghost's own
 * integrations.
 */
export class GhostExportSource implements TransferSource {
  readonly label: string;
  readonly #file: string;
  #own: ReadonlyMap<string, Table> = new Map();
  #content: ExportContent | undefined;
  readonly #tables = new Map<string, readonly ExportRow[]>();

  constructor(file: string) {
    this.label = file;
    this.#file = file;
  }

  /** Tables that the file has rows of. */
  get carried(): string[] {
    const { data } = this.#read();
    return Object.keys(data).filter(
      (name) =>
        data[name]?.length && !ofTheRelease.includes(name) && (data.members?.length || !aboutMembers.includes(name)),
    );
  }

  /** Columns of those that the file leaves out, as `table.column`: they stay empty. */
  get lacking(): string[] {
    return this.carried.flatMap((name) => {
      const given = new Set(columnsOf(this.#tables.get(name) ?? []).map((column) => column.name));
      const own = this.#own.get(name)?.columns ?? [];
      return own.filter((column) => !given.has(column.name)).map((column) => `${name}.${column.name}`);
    });
  }

  async open(): Promise<void> {
    this.#content = await readExport(this.#file);
  }

  /**
   * Adds what the file leaves out from the site that is to take it.
   *
   * @throws TransferRefusedError for a role that the site's Ghost does not know
   */
  async complete(target: TransferTarget): Promise<void> {
    const { data } = this.#read();
    this.#own = new Map((await target.readTables()).map((table) => [table.name, table]));
    const kept = async (name: string): Promise<ExportRow[]> => {
      const table = this.#own.get(name);
      return table === undefined ? [] : readObjects(target, table);
    };
    for (const name of ofTheRelease) this.#tables.set(name, await kept(name));
    for (const name of keptUnlessGiven) if (!data[name]?.length) this.#tables.set(name, await kept(name));
    const roles = mapRoles(data.roles ?? [], this.#tables.get('roles') ?? [], this.#file);
    for (const name of this.carried) {
      const rows = data[name] ?? [];
      this.#tables.set(
        name,
        rows.map((row) => withRole(row, roles)),
      );
    }
    const given = new Set((data.settings ?? []).map(({ key }) => key));
    const secret = (await kept('settings')).filter(({ key }) => !given.has(key));
    this.#tables.set('settings', [...(data.settings ?? []), ...secret]);
    // A table that only one side has is found where both are compared.
    for (const name of [...this.#own.keys(), ...Object.keys(data)])
      if (!this.#tables.has(name)) this.#tables.set(name, []);
  }

  async readProvenance(): Promise<Provenance> {
    return { release: this.#read().meta.version };
  }

  async readTables(): Promise<Table[]> {
    return [...this.#tables].map(([name, rows]) => {
      const own = this.#own.get(name);
      // What Ghost's API strips from an export (posts.published_by) is no difference between two schemas.
      const names = new Set([...(own?.columns ?? []), ...columnsOf(rows)].map((column) => column.name));
      return { name, key: own?.key ?? [], columns: [...names].map(asJson) };
    });
  }

  async countRows(table: string): Promise<number> {
    return this.#tables.get(table)?.length ?? 0;
  }

  async *readRows({ table, columns }: Selection): AsyncIterable<readonly unknown[]> {
    for (const row of this.#tables.get(table) ?? []) yield columns.map(({ name }) => row[name]);
  }

  async close(): Promise<void> {
    this.#tables.clear();
  }

  #read(): ExportContent {
    if (this.#content === undefined) throw new Error(`${this.#file} is not open`);
    return this.#content;
  }
}

async function readExport(file: string): Promise<ExportContent> {
  let text: string;
  try {
    const { size } = await stat(file);
    if (size > longestFile)
      throw new TransferRefusedError([
        `${file}: expected at most ${longestFile} bytes, since JSON is read whole; got ${size}`,
      ]);
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof TransferRefusedError) throw error;
    throw new SourceUnavailableError(file, (error as Error).message);
  }
  let parsed: { db?: unknown };
  try {
    parsed = JSON.parse(text) as { db?: unknown };
  } catch (error) {
    throw new TransferRefusedError([`${file}: expected JSON; ${(error as Error).message.slice(0, 120)}`]);
  }
  const content = (Array.isArray(parsed?.db) ? parsed.db[0] : parsed) as Partial<ExportContent> | undefined;
  const tables = Object.entries(content?.data ?? {});
  if (typeof content?.meta?.version !== 'string' || tables.length === 0)
    throw new TransferRefusedError([
      `${file}: expected an export of Ghost, { db: [{ meta: { version }, data }] }; got another JSON`,
    ]);
  const odd = tables.filter(([, rows]) => !Array.isArray(rows)).map(([name]) => name);
  if (odd.length > 0)
    throw new TransferRefusedError(odd.map((name) => `${file}: data.${name}: expected a list of rows`));
  return content as ExportContent;
}

/** Ids of roles in the file → ids of the same roles in the site; roles of one release have the same names. */
function mapRoles(given: readonly ExportRow[], own: readonly ExportRow[], file: string): ReadonlyMap<unknown, unknown> {
  const byName = new Map(own.map(({ name, id }) => [name, id]));
  const unknown = given.filter(({ name }) => !byName.has(name));
  if (unknown.length > 0)
    throw new TransferRefusedError(
      unknown.map(({ name }) => `${file}: data.roles: expected a role of this Ghost; got ${name}`),
    );
  return new Map(given.map(({ id, name }) => [id, byName.get(name)]));
}

function withRole(row: ExportRow, roles: ReadonlyMap<unknown, unknown>): ExportRow {
  return row.role_id && roles.has(row.role_id) ? { ...row, role_id: roles.get(row.role_id) } : row;
}

function columnsOf(rows: readonly ExportRow[]): Column[] {
  const names = new Set(rows.flatMap((row) => Object.keys(row)));
  return [...names].map(asJson);
}

function asJson(name: string): Column {
  return { name, kind: undefined, type: 'JSON', maxLength: undefined };
}

async function readObjects(target: TransferTarget, table: Table): Promise<ExportRow[]> {
  const columns = table.columns.map(({ name, kind = 'text' }) => ({ name, kind }));
  const rows: ExportRow[] = [];
  for await (const row of target.readRows({ table: table.name, columns }))
    rows.push(Object.fromEntries(columns.map(({ name }, at) => [name, row[at]])));
  return rows;
}

import type { AppliedMigration, Column, Provenance, Selection, Table } from './database.ts';
import type { ColumnKind } from './values.ts';

/** A column on its way. */
export interface PlannedColumn {
  readonly name: string;
  readonly kind: ColumnKind;
  readonly maxLength: number | undefined;
}

/** A table on its way: the same columns on both sides. */
export interface PlannedTable extends Selection {
  readonly columns: readonly PlannedColumn[];
  readonly key: readonly string[];
}

/** Tables that belong to a database and not to a site: the ledgers of Ghost's migrator. */
const ledgers = new Set(['migrations', 'migrations_lock']);

/** Table of an unfinished first start; a site that has it was never complete. */
const unfinished = 'ghost_fleet_initialising';

/**
 * Compares two descriptions of a site. Sites of one version have the same tables and columns.
 *
 * @returns the tables to move, or what stands in the way, a line each
 */
export function planTables(
  source: readonly Table[],
  target: readonly Table[],
): { tables: PlannedTable[]; problems: string[] } {
  const problems: string[] = [];
  if (source.some(({ name }) => name === unfinished))
    problems.push('source: expected a complete site; got one whose first start was interrupted');
  const from = index(source);
  const to = index(target);
  for (const name of from.keys())
    if (!to.has(name)) problems.push(`table ${name}: expected in both; only the source has it`);
  for (const name of to.keys())
    if (!from.has(name)) problems.push(`table ${name}: expected in both; only the target has it`);
  const tables = [...from.values()].flatMap((table) => {
    const other = to.get(table.name);
    return other === undefined ? [] : [planTable(table, other, problems)];
  });
  return { tables, problems };
}

function planTable(source: Table, target: Table, problems: string[]): PlannedTable {
  const given = new Map(source.columns.map((column) => [column.name, column]));
  const taken = new Map(target.columns.map((column) => [column.name, column]));
  for (const name of given.keys())
    if (!taken.has(name)) problems.push(`column ${source.name}.${name}: expected in both; only the source has it`);
  const columns: PlannedColumn[] = [];
  for (const [name, column] of taken) {
    const other = given.get(name);
    if (other === undefined) problems.push(`column ${source.name}.${name}: expected in both; only the target has it`);
    else {
      const kind = kindOf(`${source.name}.${name}`, other, column, problems);
      if (kind !== undefined) columns.push({ name, kind, maxLength: column.maxLength });
    }
  }
  return { table: source.name, columns, key: target.key };
}

function kindOf(name: string, source: Column, target: Column, problems: string[]): ColumnKind | undefined {
  if (target.kind === undefined) problems.push(`column ${name}: expected a type that Ghost uses; got ${target.type}`);
  else if (source.kind !== target.kind && source.type !== 'JSON')
    problems.push(`column ${name}: expected ${target.type} or its like; the source has ${source.type}`);
  return target.kind;
}

function index(tables: readonly Table[]): Map<string, Table> {
  return new Map(
    tables.filter(({ name }) => !ledgers.has(name) && name !== unfinished).map((table) => [table.name, table]),
  );
}

/** The Ghost that a target runs. */
export interface GhostRelease {
  /** `6.65.0` */
  readonly version: string;
  /** File names of all its migrations. */
  readonly migrations: readonly string[];
}

/**
 * Says what keeps a source from being of the target's version. Ghost's ledger knows releases by what they changed: a
 * source is of the same version when every migration of the target's Ghost has run there, and none of a newer one.
 * Migrations of releases that this Ghost no longer carries do not count.
 */
export function compareVersions(source: Provenance, ghost: GhostRelease): string[] {
  if ('release' in source) {
    return minorOf(source.release) === minorOf(ghost.version)
      ? []
      : [`version: expected an export of Ghost ${minorOf(ghost.version)}; got one of ${source.release}. ${remedy}`];
  }
  const problems = source.locked
    ? ["source: expected a site that is not migrating; Ghost's migration lock is taken (migrations_lock)"]
    : [];
  const applied = new Set(source.migrations.map(({ name }) => name));
  const missing = ghost.migrations.filter((name) => !applied.has(name));
  const carried = new Set(ghost.migrations);
  const newer = source.migrations.filter(
    ({ name, version }) => !carried.has(name) && compareMinors(version, minorOf(ghost.version)) > 0,
  );
  if (missing.length > 0 || newer.length > 0) {
    const lacks =
      missing.length === 0 ? [] : [`${missing.length} of its migrations have not run there, such as ${missing.at(-1)}`];
    const has = newer.length === 0 ? [] : [`${newer.length} of newer releases have, such as ${newer.at(-1)?.name}`];
    problems.push(
      `version: expected a source of Ghost ${ghost.version}; got one of Ghost ${newestOf(source.migrations)}: ${[...lacks, ...has].join('; ')}. ${remedy}`,
    );
  }
  return problems;
}

const remedy =
  "Bring both to one version first: update the source, or name its version in the site's YAML (ghost: { version: … }) and upgrade afterwards.";

/** `6.65` of `6.65.0` */
function minorOf(version: string): string {
  return version.split('.').slice(0, 2).join('.');
}

function compareMinors(one: string, other: string): number {
  const [major = 0, minor = 0] = one.split('.').map(Number);
  const [otherMajor = 0, otherMinor = 0] = other.split('.').map(Number);
  return major - otherMajor || minor - otherMinor;
}

function newestOf(migrations: readonly AppliedMigration[]): string {
  const versions = migrations.map(({ version }) => version).filter((version) => /^\d+\.\d+$/.test(version));
  return versions.sort(compareMinors).at(-1) ?? 'an unknown version';
}

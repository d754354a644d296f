import { createRequire } from 'node:module';
import path from 'node:path';

/** A column as Ghost's own schema describes it. */
export interface GhostColumn {
  readonly type: 'string' | 'text' | 'integer' | 'bigInteger' | 'boolean' | 'dateTime' | 'float';
  readonly maxlength?: number;
  readonly nullable?: boolean;
  readonly primary?: boolean;
  readonly unique?: boolean;
  readonly unsigned?: boolean;
  /** `table.column` of a foreign key. */
  readonly references?: string;
  readonly defaultTo?: unknown;
  readonly validations?: { readonly isIn?: readonly (readonly string[])[]; readonly isUUID?: boolean };
}

/** A table of a Ghost release. */
export interface GhostTable {
  readonly name: string;
  readonly columns: ReadonlyMap<string, GhostColumn>;
  /** Lists of columns whose values together occur once. */
  readonly unique: readonly (readonly string[])[];
}

/** The tables of the Ghost release at `ghostPath`, those that are referred to before those that refer to them. */
export function readGhostSchema(ghostPath: string): GhostTable[] {
  const ghostRequire = createRequire(path.resolve(ghostPath, 'package.json'));
  const schema = ghostRequire('./core/server/data/schema/schema.js') as Record<string, Record<string, unknown>>;
  const tables = new Map(Object.entries(schema).map(([name, definition]) => [name, toTable(name, definition)]));
  const sorted = new Set<GhostTable>();
  const visiting = new Set<string>();
  const visit = (table: GhostTable): void => {
    if (sorted.has(table) || visiting.has(table.name)) return;
    visiting.add(table.name);
    for (const column of table.columns.values()) {
      const referred = tables.get(column.references?.split('.')[0] ?? '');
      if (referred !== undefined) visit(referred);
    }
    sorted.add(table);
  };
  for (const table of tables.values()) visit(table);
  return [...sorted];
}

function toTable(name: string, definition: Record<string, unknown>): GhostTable {
  const columns = new Map(
    Object.entries(definition).filter(([key]) => !key.startsWith('@@')) as [string, GhostColumn][],
  );
  const composite = (definition['@@UNIQUE_CONSTRAINTS@@'] ?? []) as (string[] | { columns: string[] })[];
  const single = [...columns].filter(([, column]) => column.unique || column.primary).map(([key]) => [key]);
  return {
    name,
    columns,
    unique: [...single, ...composite.map((entry) => (Array.isArray(entry) ? entry : entry.columns))],
  };
}

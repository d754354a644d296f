import pg from 'pg';

/** Object identifiers of PostgreSQL's types, as its catalogue pg_type has them. */
const oid = { bool: 16, int8: 20, date: 1082, timestamp: 1114, numeric: 1700 } as const;

const numberOrNull = (text: string) => Number(text);

/** How values arrive: as mysql2 gives them to Ghost (`decimalNumbers`, time zone Z, booleans as numbers). */
const parsers: Readonly<Record<number, (text: string) => unknown>> = {
  [oid.bool]: (text) => (text === 't' ? 1 : 0),
  [oid.int8]: numberOrNull,
  [oid.numeric]: numberOrNull,
  [oid.date]: (text) => new Date(`${text}T00:00:00Z`),
  [oid.timestamp]: (text) => new Date(`${text.replace(' ', 'T')}Z`),
};

/** Type parsers for `pg.Client`'s `types`. */
export const valueTypes: pg.CustomTypesConfig = {
  getTypeParser: ((id: number, format?: 'text' | 'binary') => {
    const own = format === 'binary' ? undefined : parsers[id];
    return own ?? pg.types.getTypeParser(id, format);
  }) as pg.CustomTypesConfig['getTypeParser'],
};

/** A value on its way to the server, as mysql2 would send it. */
export function toBinding(value: unknown): unknown {
  if (value === undefined || (typeof value === 'number' && Number.isNaN(value))) return null;
  if (value === true) return 1;
  if (value === false) return 0;
  // PostgreSQL's text cannot hold NUL; MySQL's can, and nobody misses it.
  if (typeof value === 'string') return value.includes('\0') ? value.replaceAll('\0', '') : value;
  if (value instanceof Date) return formatTimestamp(value);
  if (Array.isArray(value)) return value.map(toBinding);
  if (typeof value === 'object' && value !== null && !Buffer.isBuffer(value)) {
    const { toDate } = value as { toDate?: () => Date };
    // moment's objects, which Ghost's models bind.
    if (typeof toDate === 'function') return formatTimestamp(toDate.call(value));
    return JSON.stringify(value);
  }
  return value;
}

/** `2026-11-24 10:00:00.000` in UTC; null for an invalid date, as mysql2 sends it. */
function formatTimestamp(date: Date): string | null {
  return Number.isNaN(date.getTime()) ? null : date.toISOString().replace('T', ' ').replace('Z', '');
}

/** Number that MySQL makes of a text when it compares it with a number: its leading digits, or 0. */
export function castToNumber(text: string): number {
  return Number(/^\s*[+-]?\d+(\.\d+)?([eE][+-]?\d+)?/.exec(text)?.[0] ?? 0);
}

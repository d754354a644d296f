/**
 * What a column holds, whatever its database calls the type: MySQL's tinyint(1), SQLite's boolean and PostgreSQL's
 * smallint are all `integer`.
 */
export type ColumnKind = 'text' | 'integer' | 'decimal' | 'time' | 'binary';

/**
 * A value written the one way that is the same for every database: text as it is, whole numbers in digits, decimals as
 * JavaScript writes the nearest double, instants as `2026-11-24 10:00:00` in UTC, bytes in hexadecimal digits.
 */
export type CanonicalValue = string | null;

/** A value does not fit its column. */
export class ValueError extends Error {
  constructor(expected: string, got: unknown) {
    super(`expected ${expected}; got ${describe(got)}`);
    this.name = 'ValueError';
  }
}

/** How a value had to change on its way. `nul`: characters that PostgreSQL's text cannot hold. `fraction`: of a second. */
export type ValueChange = 'nul' | 'fraction';

/**
 * Writes a value that any of the drivers, or a JSON file, gave for a column of this kind.
 *
 * @param onChange called where the value loses something that Ghost's MySQL columns would not have held either
 * @throws ValueError
 */
export function canonicalise(
  kind: ColumnKind,
  value: unknown,
  onChange: (change: ValueChange) => void = () => undefined,
): CanonicalValue {
  if (value === null || value === undefined) return null;
  switch (kind) {
    case 'text':
      return canonicalText(value);
    case 'integer':
      return canonicalInteger(value);
    case 'decimal':
      return canonicalDecimal(value);
    case 'time':
      return canonicalTime(value, onChange);
    case 'binary':
      return canonicalBytes(value);
  }
}

function canonicalText(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  throw new ValueError('text', value);
}

function canonicalInteger(value: unknown): string {
  if (typeof value === 'bigint' || (typeof value === 'number' && Number.isSafeInteger(value))) return String(value);
  if (typeof value === 'boolean') return value ? '1' : '0';
  if (typeof value === 'string' && /^-?\d{1,19}$/.test(value)) return String(BigInt(value));
  throw new ValueError('a whole number', value);
}

function canonicalDecimal(value: unknown): string {
  const number = typeof value === 'string' && value.trim() === '' ? Number.NaN : Number(value);
  if (!['string', 'number', 'bigint'].includes(typeof value) || !Number.isFinite(number))
    throw new ValueError('a number', value);
  // Minus zero is zero everywhere else.
  return String(number === 0 ? 0 : number);
}

const instant = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?)(\.\d+)?\s*(Z|UTC|[+-]\d\d(?::?\d\d)?)?)?$/;

/** SQLite may hold Ghost's own text, ISO 8601 or milliseconds since 1970, all in one column. */
function canonicalTime(value: unknown, onChange: (change: ValueChange) => void): string {
  const ms = typeof value === 'string' ? parseInstant(value) : parseMilliseconds(value);
  if (ms === undefined) throw new ValueError('a date and time', value);
  // As MySQL and PostgreSQL round what they store in a column that holds whole seconds.
  if (ms % 1000 !== 0) onChange('fraction');
  const text = new Date(Math.round(ms / 1000) * 1000).toISOString();
  if (!/^\d{4}-/.test(text)) throw new ValueError('a year of four digits', value);
  return text.slice(0, 19).replace('T', ' ');
}

function parseMilliseconds(value: unknown): number | undefined {
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? undefined : value.getTime();
  if (typeof value !== 'number' && typeof value !== 'bigint') return undefined;
  const ms = Number(value);
  return Number.isFinite(ms) && Math.abs(ms) <= 8.64e15 ? ms : undefined;
}

function parseInstant(text: string): number | undefined {
  if (/^-?\d{9,16}$/.test(text)) return Number(text);
  const match = instant.exec(text);
  if (match === null) return undefined;
  const [, day = '', clock = '00:00:00', fraction = '', zone = 'Z'] = match;
  const seconds = clock.length === 5 ? `${clock}:00` : clock;
  const whole = Date.parse(`${day}T${seconds}${isoZone(zone)}`);
  // Date.parse carries 31 February over into March.
  if (Number.isNaN(whole) || new Date(`${day}T00:00:00Z`).toISOString().slice(0, 10) !== day) return undefined;
  return whole + Number(`0${fraction}`) * 1000;
}

function isoZone(zone: string): string {
  if (zone === 'Z' || zone === 'UTC') return 'Z';
  const digits = zone.slice(1).replace(':', '').padEnd(4, '0');
  return `${zone[0]}${digits.slice(0, 2)}:${digits.slice(2)}`;
}

function canonicalBytes(value: unknown): string {
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex');
  // PostgreSQL's own writing, and how JSON.stringify writes a Buffer.
  if (typeof value === 'string' && /^\\x([0-9a-f]{2})*$/i.test(value)) return value.slice(2).toLowerCase();
  const { type, data } = value as { type?: unknown; data?: unknown };
  if (type === 'Buffer' && Array.isArray(data)) return Buffer.from(data).toString('hex');
  throw new ValueError('bytes', value);
}

/** Short, and without what a value of a person's might be beyond its beginning. */
function describe(value: unknown): string {
  if (value instanceof Uint8Array) return `${value.byteLength} bytes`;
  const text = typeof value === 'bigint' ? String(value) : (JSON.stringify(value) ?? String(value));
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

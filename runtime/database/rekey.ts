import { randomBytes, randomInt, randomUUID } from 'node:crypto';

/** A table and the rows that Ghost puts into it when it initialises a database, as JSON has them. */
export interface FixtureTable {
  readonly relation: string;
  readonly rows: readonly Readonly<Record<string, unknown>>[];
}

/** What Ghost generates: UUIDs; ObjectIds (24 digits) and secrets (more of them) in hexadecimal; hashes of passwords. */
const generated =
  /\b(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{24,})\b|\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}/g;
const wholeTimestamp = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/;
const secretColumn = /secret|password|token|hash|private|_key$/;

/** A fixture holds a secret of a form that is not known here; cloned, it would be shared. */
export class UnknownSecretError extends Error {
  constructor(relation: string, column: string) {
    super(
      `fixture ${relation}.${column}: expected a secret of a known form (hexadecimal, UUID, bcrypt); got another, ` +
        'so that databases of this Ghost cannot be cloned until runtime/database/rekey.ts knows it',
    );
    this.name = 'UnknownSecretError';
  }
}

/**
 * The same fixtures as another Ghost would have generated them now: every id, UUID and secret is replaced by a fresh one,
 * wherever it stands and each always by the same; ids keep their order, since rows are listed by it. Moments are moved so
 * that the latest is `now`.
 *
 * @throws UnknownSecretError where a column that is named like a secret holds what would not be replaced
 */
export function rekey(tables: readonly FixtureTable[], now: Date): FixtureTable[] {
  const values = tables.flatMap(({ rows }) => rows.flatMap((row) => Object.values(row)));
  const texts = values.filter((value) => typeof value === 'string');
  const fresh = freshValues(
    texts.flatMap((text) => text.match(generated) ?? []),
    now,
  );
  const moments = texts.filter((text) => wholeTimestamp.test(text)).map((text) => Date.parse(`${text}Z`));
  const shift = now.getTime() - moments.reduce((latest, moment) => Math.max(latest, moment), 0);

  const replaceIn = (text: string): string =>
    wholeTimestamp.test(text)
      ? new Date(Date.parse(`${text}Z`) + shift).toISOString().slice(0, 19)
      : text.replaceAll(generated, (value) => fresh.get(value) ?? value);
  return tables.map(({ relation, rows }) => ({
    relation,
    rows: rows.map((row) =>
      Object.fromEntries(
        Object.entries(row).map(([column, value]) => {
          if (typeof value !== 'string') return [column, value];
          const replaced = replaceIn(value);
          if (secretColumn.test(column) && replaced === value) throw new UnknownSecretError(relation, column);
          return [column, replaced];
        }),
      ),
    ),
  }));
}

function freshValues(old: readonly string[], now: Date): Map<string, string> {
  const distinct = [...new Set(old)].sort();
  const nextId = objectIds(now);
  return new Map(distinct.map((value) => [value, value.length === 24 ? nextId() : freshLike(value)]));
}

function freshLike(value: string): string {
  if (value.includes('-')) return randomUUID();
  // A hash that nothing is known to hash to: the owner's account has no password until it is set up.
  if (value.startsWith('$')) return value.slice(0, 7) + bcryptText(53);
  return randomBytes(Math.ceil(value.length / 2))
    .toString('hex')
    .slice(0, value.length);
}

function bcryptText(length: number): string {
  return randomBytes(length).toString('base64').replaceAll('+', '.').slice(0, length);
}

/** ObjectIds as MongoDB defines them: seconds, five random bytes of this generator, a counter from a random start. */
function objectIds(now: Date): () => string {
  const seconds = Math.floor(now.getTime() / 1000)
    .toString(16)
    .padStart(8, '0');
  const generator = randomBytes(5).toString('hex');
  // The upper half stays free, so that counting up never starts over and the order holds.
  let counter = randomInt(0x80_00_00);
  return () => {
    counter += 1;
    return `${seconds}${generator}${counter.toString(16).padStart(6, '0')}`;
  };
}

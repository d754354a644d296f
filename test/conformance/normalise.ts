import type { Response } from './client.ts';

/** An answer without what no two runs share: ids and times of what the run itself made, keys, hashes of assets. */
export interface NormalAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON with sorted keys, or text. */
  readonly body: unknown;
}

export interface NormaliseOptions {
  /** Generated values of the first start, by their natural key. */
  readonly names: ReadonlyMap<string, string>;
  /** Universally unique ids that the suite itself wrote, the same into every database. */
  readonly seeded: ReadonlySet<string>;
  /** Start of the run: instants from then on are the run's own. */
  readonly since: Date;
}

const objectId = /\b[0-9a-f]{24}\b/g;
const uuid = /\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g;
const instant = /\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[+-]\d\d:?\d\d)?/g;
const httpDate = /\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT/g;

/** @param unordered paths of lists below the body that are compared without their order */
export function normalise(
  response: Response,
  options: NormaliseOptions,
  unordered: readonly string[] = [],
): NormalAnswer {
  const fresh = new Map<string, string>();
  const label = (kind: string, value: string): string => {
    if (value.includes('c0ffee')) return value;
    const known = fresh.get(value) ?? `<new ${kind} ${fresh.size + 1}>`;
    fresh.set(value, known);
    return known;
  };
  const recent = (text: string): string => {
    const time = Date.parse(
      text.includes('GMT') || /Z|[+-]\d\d:?\d\d$/.test(text) ? text : `${text.replace(' ', 'T')}Z`,
    );
    const own = time >= Math.trunc(options.since.getTime() / 1000) * 1000 && time <= Date.now() + 60_000;
    return own ? '<now>' : text;
  };
  const clean = (text: string): string => {
    let cleaned = text;
    for (const [value, name] of options.names) if (cleaned.includes(value)) cleaned = cleaned.replaceAll(value, name);
    return cleaned
      .replaceAll(uuid, (value) => (options.seeded.has(value) ? value : label('uuid', value)))
      .replaceAll(objectId, (value) => label('id', value))
      .replaceAll(instant, recent)
      .replaceAll(httpDate, recent)
      .replaceAll(/\beyJ[\w-]+\.[\w-]+\.[\w-]+/g, '<signed token>')
      .replaceAll(/\$2[aby]\$\d\d\$[\w./]{53}/g, '<password hash>')
      .replaceAll(/\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d(?=\.json)/g, '<now>')
      .replaceAll(/\bimport-\d{4}-\d\d-\d\d-\d\d-\d\d\b/g, 'import-<now>')
      .replaceAll(/([?&]v=)[0-9a-f]{10}\b/g, '$1<asset hash>')
      .replaceAll(/\bkey=[0-9a-f]{64}\b/g, 'key=<signature>')
      .replaceAll(/\b(token|transient_id|secret|password)=[\w%.-]+/g, '$1=<secret>');
  };
  const walk = (value: unknown, key = ''): unknown => {
    // GROUP_CONCAT without an order of its own.
    if (key === 'authors' && typeof value === 'string') return value.split(', ').sort().join(', ');
    if (typeof value === 'string')
      return /^(secret|token|transient_id|integrity_token|jwt)$/.test(key) && !value.startsWith(key)
        ? `<${key}>`
        : clean(value);
    if (typeof value === 'number' && key !== '' && value > 1_600_000_000_000) return '<now in ms>';
    if (Array.isArray(value)) return value.map((entry) => walk(entry));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, entry]) => [name, walk(entry, name)]),
    );
  };
  return {
    status: response.status,
    headers: Object.fromEntries(Object.entries(response.headers).map(([name, value]) => [name, clean(value)])),
    body: unordered.reduce(sortList, walk(parse(response.body))),
  };
}

function sortList(body: unknown, unordered: string): unknown {
  const [path = '', orderedBy] = unordered.split(' by ');
  const keys = path.split('.');
  const last = keys.pop() ?? '';
  let holder = body as Record<string, unknown> | undefined;
  for (const key of keys) holder = holder?.[key] as Record<string, unknown> | undefined;
  const list = holder?.[last];
  if (holder !== undefined && Array.isArray(list)) {
    if (orderedBy !== undefined) holder[`order of ${last}`] = list.map((entry) => entry[orderedBy]);
    // New ids are numbered as they appear, which is what is left open here.
    const written = list.map((entry) => JSON.stringify(entry).replaceAll(/<new (\w+) \d+>/g, '<new $1>')).sort();
    holder[last] = written.map((entry) => JSON.parse(entry));
  }
  return body;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Paths at which two answers differ, with what stands there: `body.posts.0.title: "a" / "b"`. */
export function differences(expected: unknown, actual: unknown, path = ''): string[] {
  if (Object.is(expected, actual)) return [];
  if (isContainer(expected) && isContainer(actual) && Array.isArray(expected) === Array.isArray(actual)) {
    const keys = new Set([...Object.keys(expected), ...Object.keys(actual)]);
    return [...keys].flatMap((key) => differences(expected[key], actual[key], path === '' ? key : `${path}.${key}`));
  }
  if (typeof expected === 'string' && typeof actual === 'string') {
    let at = 0;
    while (expected[at] === actual[at]) at += 1;
    // Pages are long: what is near the first difference says most.
    const part = (text: string) => (at > 100 ? `…${text.slice(at - 60, at + 160)}` : text);
    return [`${path}: ${show(part(expected))} / ${show(part(actual))}`];
  }
  return [`${path}: ${show(expected)} / ${show(actual)}`];
}

function isContainer(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
}

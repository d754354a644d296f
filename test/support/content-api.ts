import { request } from './site-process.ts';

const resources = [
  'posts/?include=tags,authors,tiers&formats=html,plaintext&limit=100&page=',
  'pages/?include=tags,authors&limit=100&page=',
  'tags/?include=count.posts&limit=100&page=',
  'authors/?include=count.posts&limit=100&page=',
  'tiers/?include=monthly_price,yearly_price,benefits&limit=100&page=',
  'posts/?filter=featured:true&order=title%20asc&limit=100&page=',
  'settings/?page=',
];

/**
 * What a site's Content API answers: every page of every resource, by path, with the site's own address taken out. Keys
 * of objects are sorted: Ghost puts a post's relations in the order in which its queries come back.
 *
 * @throws Error for an answer that is no success
 */
export async function readContentApi(port: number, url: string, key: string): Promise<Map<string, string>> {
  const answers = new Map<string, string>();
  const { host, hostname, protocol } = new URL(url);
  for (const resource of resources) {
    for (let page = 1, pages = 1; page <= pages; page += 1) {
      const path = `/ghost/api/content/${resource}${page}&key=${key}`;
      const headers = { host, 'x-forwarded-proto': protocol.slice(0, -1) };
      const { status, body } = await request(port, path, headers);
      if (status !== 200) throw new Error(`${path}: ${status} ${body.slice(0, 300)}`);
      const answer = JSON.parse(body) as { meta?: { pagination?: { pages: number } } };
      pages = answer.meta?.pagination?.pages ?? 1;
      const text = JSON.stringify(answer, (_, value: unknown) => sortKeys(value));
      answers.set(`${resource}${page}`, text.replaceAll(url, '').replaceAll(hostname, ''));
    }
  }
  return answers;
}

function sortKeys(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)));
}

/** The same answers with every list in one order: SQLite and MySQL do not order texts alike. */
export function withoutOrder(answers: ReadonlyMap<string, string>): Map<string, unknown> {
  return new Map([...answers].map(([path, body]) => [path, sortLists(JSON.parse(body))]));
}

function sortLists(value: unknown): unknown {
  if (Array.isArray(value)) {
    const texts = value.map((item) => JSON.stringify(sortLists(item)));
    return texts.sort().map((text) => JSON.parse(text));
  }
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, sortLists(item)]));
}

/** Paths whose answers are not the same, so that a failing test does not print megabytes. */
export function findDifferences(one: ReadonlyMap<string, unknown>, other: ReadonlyMap<string, unknown>): string[] {
  const paths = new Set([...one.keys(), ...other.keys()]);
  return [...paths].flatMap((path) => {
    const [left, right] = [JSON.stringify(one.get(path)) ?? '', JSON.stringify(other.get(path)) ?? ''];
    if (left === right) return [];
    let at = 0;
    while (left[at] === right[at]) at += 1;
    return [`${path}: ${left.slice(Math.max(0, at - 60), at + 60)} | ${right.slice(Math.max(0, at - 60), at + 60)}`];
  });
}

/**
 * Who asks: the owner with a staff session, an integration with its content key, a signed-in member, or anybody. The
 * receiver of the webhooks is asked itself, for what was delivered.
 */
export type Caller = 'owner' | 'content' | 'member' | 'visitor' | 'receiver';

/** Values that earlier answers left for later calls: names chosen by the corpus, ids and times given by Ghost. */
export type Kept = ReadonlyMap<string, string>;

/** One request of the suite. */
export interface Call {
  /** Area and number, unique in the corpus: what a reader greps for. */
  readonly name: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly as: Caller;
  /** Path with query, below the site's address. `{name}` stands for a value that an earlier answer left. */
  readonly path: string;
  /** JSON body, or a file to upload. `{name}` in its strings stands for a value that an earlier answer left. */
  readonly body?: unknown;
  readonly upload?: {
    readonly field: string;
    readonly filename: string;
    readonly type: string;
    readonly content: string;
  };
  /**
   * Lists in the answer (`comments`, `db.0.data.posts_tags`) that no ORDER BY determines, or one whose keys are equal: MySQL
   * gives such rows as the plan happens to find them
   * (https://dev.mysql.com/doc/refman/8.0/en/limit-optimization.html). They are compared without their order; after `stats by mrr` that of the key is still compared.
   */
  readonly unordered?: readonly string[];
  /**
   * Asked again until this value stands at this path of the answer, for half a minute at most: Ghost goes on with an import
   * after it answered.
   */
  readonly until?: { readonly path: string; readonly value: string };
  /** Values to keep from the answer: name to path in it (`posts.0.id`). */
  readonly keep?: Readonly<Record<string, string>>;
}

/** Replaces `{name}` in every string of `value`. */
export function fillIn<T>(value: T, kept: Kept): T {
  const text = JSON.stringify(value);
  if (text === undefined) return value;
  return JSON.parse(text.replaceAll(/\{([a-z][\w.]*)\}/gi, (whole, name: string) => kept.get(name) ?? whole)) as T;
}

/** The string at `path` (`posts.0.id`) of a JSON value. */
export function valueAt(value: unknown, path: string): string | undefined {
  let found: unknown = value;
  for (const key of path.split('.')) {
    if (typeof found !== 'object' || found === null) return undefined;
    found = (found as Record<string, unknown>)[key];
  }
  return found === undefined || found === null ? undefined : String(found);
}

/** Builds the calls of one area: names are the area and a number. */
export class Area {
  readonly calls: Call[] = [];
  readonly #name: string;

  constructor(name: string) {
    this.#name = name;
  }

  add(call: Omit<Call, 'name'>): this {
    this.calls.push({ name: `${this.#name} ${this.calls.length + 1}`, ...call });
    return this;
  }

  admin(path: string, unordered: readonly string[] = []): this {
    return this.add({ method: 'GET', as: 'owner', path: `/ghost/api/admin/${path}`, unordered });
  }

  content(path: string): this {
    return this.add({ method: 'GET', as: 'content', path: `/ghost/api/content/${path}` });
  }

  page(path: string): this {
    return this.add({ method: 'GET', as: 'visitor', path });
  }

  /** A change through the Admin API. */
  change(method: 'POST' | 'PUT' | 'DELETE', path: string, body?: unknown, keep?: Call['keep']): this {
    return this.add({
      method,
      as: 'owner',
      path: `/ghost/api/admin/${path}`,
      ...(body === undefined ? {} : { body }),
      ...(keep === undefined ? {} : { keep }),
    });
  }
}

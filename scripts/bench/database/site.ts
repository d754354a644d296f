import type { Knex } from 'knex';

const owner = {
  name: 'Mira Example',
  email: 'mira@example.com',
  password: 'correct horse 4711 staple',
  blogTitle: 'Bench',
};

/** One Ghost under comparison, as its owner and its visitors reach it. */
export class BenchSite {
  readonly port: number;
  /** A connection to its database past Ghost. */
  readonly knex: Knex;
  #cookie = '';

  constructor(port: number, knex: Knex) {
    this.port = port;
    this.knex = knex;
  }

  get visitor(): Record<string, string> {
    // An address that no service locates: Ghost would ask one on the internet where a member comes from.
    return { host: `localhost:${this.port}`, 'x-forwarded-for': '::1' };
  }

  get owner(): Record<string, string> {
    return { ...this.visitor, origin: `http://localhost:${this.port}`, cookie: this.#cookie };
  }

  async setUp(): Promise<void> {
    await this.#send('POST', '/ghost/api/admin/authentication/setup/', { setup: [owner] });
  }

  async signIn(): Promise<void> {
    const { email, password } = owner;
    const response = await this.#send('POST', '/ghost/api/admin/session/', { username: email, password });
    this.#cookie = response.headers.getSetCookie()[0]?.split(';')[0] ?? '';
  }

  /** What a path answers to the owner. */
  // biome-ignore lint/suspicious/noExplicitAny: JSON of Ghost's API, of which each caller knows its part
  async read(path: string): Promise<any> {
    return (await this.#send('GET', path)).json();
  }

  async #send(method: string, path: string, body?: unknown): Promise<Response> {
    const response = await fetch(`http://localhost:${this.port}${path}`, {
      method,
      headers: { ...this.owner, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${(await response.text()).slice(0, 500)}`);
    return response;
  }
}

import { request as httpRequest } from 'node:http';

/** What the Admin API answers. */
export interface ApiAnswer {
  readonly status: number;
  // The shape differs for every endpoint; tests name what they expect of it.
  // biome-ignore lint/suspicious/noExplicitAny: JSON of Ghost's API
  readonly body: any;
}

/** A signed-in owner of one site: Ghost's Admin API with a session cookie. */
export class GhostAdmin {
  readonly #host: string;
  readonly #port: number;
  readonly #url: URL;
  #cookie = '';

  /** @param env the site's environment, or where something in front of it answers for SITE_URL */
  constructor(env: Readonly<Record<string, string>>) {
    this.#host = env.HOST ?? '127.0.0.1';
    this.#port = Number(env.PORT);
    this.#url = new URL(env.SITE_URL ?? 'http://localhost');
  }

  /** Sets the site up with an owner and signs in. */
  async setUp(owner: { name: string; email: string; password: string; blogTitle: string }): Promise<void> {
    const setup = await this.send('POST', '/ghost/api/admin/authentication/setup/', { setup: [owner] });
    if (setup.status !== 201) throw new Error(`set-up was refused: ${JSON.stringify(setup)}`);
    await this.signIn(owner);
  }

  async signIn(owner: { email: string; password: string }): Promise<void> {
    const session = await this.send('POST', '/ghost/api/admin/session/', {
      username: owner.email,
      password: owner.password,
    });
    if (session.status !== 201) throw new Error(`sign-in was refused: ${JSON.stringify(session)}`);
  }

  send(method: string, path: string, body?: unknown): Promise<ApiAnswer> {
    const content = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
    return this.#exchange(method, path, 'application/json', content);
  }

  /** Sends a file as a browser's form does. */
  async upload(path: string, field: string, file: File): Promise<ApiAnswer> {
    const form = new FormData();
    form.set(field, file);
    const encoded = new Response(form);
    const type = encoded.headers.get('content-type') ?? '';
    return this.#exchange('POST', path, type, Buffer.from(await encoded.arrayBuffer()));
  }

  #exchange(method: string, path: string, type: string, content: Buffer | undefined): Promise<ApiAnswer> {
    const headers = {
      host: this.#url.host,
      origin: this.#url.origin,
      'content-type': type,
      ...(content === undefined ? {} : { 'content-length': content.length }),
      ...(this.#cookie === '' ? {} : { cookie: this.#cookie }),
    };
    return new Promise((resolve, reject) => {
      const sent = httpRequest(
        { host: this.#host, port: this.#port, method, path, headers, agent: false },
        (response) => {
          let answer = '';
          response.setEncoding('utf8');
          response.on('data', (chunk: string) => {
            answer += chunk;
          });
          response.on('end', () => {
            const cookie = response.headers['set-cookie']?.[0]?.split(';')[0];
            if (cookie !== undefined) this.#cookie = cookie;
            resolve({ status: response.statusCode ?? 0, body: parse(answer) });
          });
        },
      );
      sent.once('error', reject);
      sent.end(content);
    });
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

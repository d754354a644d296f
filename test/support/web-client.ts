import type { FastifyInstance } from 'fastify';

export interface WebAnswer {
  readonly status: number;
  readonly body: string;
  readonly location: string | undefined;
  readonly headers: Readonly<Record<string, unknown>>;
}

/** A browser without a window: keeps cookies, and the token of the last form it was shown. */
export class WebClient {
  readonly #app: FastifyInstance;
  readonly #cookies = new Map<string, string>();
  csrfToken = '';

  constructor(app: FastifyInstance) {
    this.#app = app;
  }

  get(url: string, headers: Record<string, string> = {}): Promise<WebAnswer> {
    return this.#send('GET', url, undefined, headers);
  }

  /** Sends a form, with the token of the page that was shown last. */
  submit(url: string, fields: Record<string, string | readonly string[]>): Promise<WebAnswer> {
    return this.send('POST', url, { _csrf: this.csrfToken, ...fields });
  }

  /** Sends a form as it is given. */
  send(method: 'POST', url: string, fields: Record<string, string | readonly string[]>): Promise<WebAnswer> {
    const body = new URLSearchParams();
    for (const [name, values] of Object.entries(fields)) for (const value of [values].flat()) body.append(name, value);
    return this.#send(method, url, body.toString(), { 'content-type': 'application/x-www-form-urlencoded' });
  }

  async #send(method: 'GET' | 'POST', url: string, payload: string | undefined, headers: Record<string, string>) {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const answer = await this.#app.inject({
      method,
      url,
      headers: { ...headers, ...(cookie === '' ? {} : { cookie }) },
      ...(payload === undefined ? {} : { payload }),
    });
    for (const { name, value } of answer.cookies) this.#cookies.set(name, value);
    this.csrfToken = /name="_csrf" value="([^"]+)"/.exec(answer.body)?.[1] ?? this.csrfToken;
    const { location } = answer.headers;
    return { status: answer.statusCode, body: answer.body, location: location?.toString(), headers: answer.headers };
  }
}

import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Call, type Caller, fillIn, valueAt } from './call.ts';
import { siteUrl } from './contestants.ts';
import { apiKeys } from './database.ts';
import type { Receiver } from './receiver.ts';

/** What came back for one call. */
export interface Response {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const owner = {
  name: 'Mira Example',
  email: 'mira@example.com',
  password: 'correct horse 4711 staple',
  blogTitle: 'Conformance',
};
const keptHeaders = ['content-type', 'location', 'x-cache-invalidate', 'cache-control', 'content-disposition'];

/** Sends the suite's calls to one Ghost, as its owner, an integration, a member or a visitor. */
export class Client {
  readonly #port: number;
  readonly #receiverPort: number;
  readonly #kept: Map<string, string>;
  readonly #cookies = new Map<Caller, Map<string, string>>();

  constructor(port: number, receiver: Receiver) {
    this.#port = port;
    this.#receiverPort = receiver.port;
    this.#kept = new Map([['receiver', String(receiver.port)]]);
  }

  async setUp(): Promise<void> {
    await this.#expect(
      201,
      this.#send('POST', '/ghost/api/admin/authentication/setup/', 'owner', json({ setup: [owner] })),
    );
  }

  async signIn(): Promise<void> {
    const credentials = { username: owner.email, password: owner.password };
    await this.#expect(201, this.#send('POST', '/ghost/api/admin/session/', 'owner', json(credentials)));
  }

  async call(call: Call): Promise<Response> {
    const { method, path, body, upload } = fillIn(
      { method: call.method, path: call.path, body: call.body, upload: call.upload },
      this.#kept,
    );
    const separator = path.includes('?') ? '&' : '?';
    const target = call.as === 'content' ? `${path}${separator}key=${apiKeys.content}` : path;
    const payload = upload !== undefined ? form(upload) : body !== undefined ? json(body) : undefined;
    let response = await this.#send(method, target, call.as, payload);
    const { until } = call;
    for (let tries = 0; until !== undefined && tries < 150; tries += 1) {
      if (valueAt(parse(response.body), until.path) === until.value) break;
      await sleep(200);
      response = await this.#send(method, target, call.as, payload);
    }
    for (const [name, at] of Object.entries(call.keep ?? {})) {
      const value = at.startsWith('header ') ? response.headers[at.slice(7)] : valueAt(parse(response.body), at);
      if (value !== undefined) this.#kept.set(name, value);
    }
    return response;
  }

  async #expect(status: number, sent: Promise<Response>): Promise<void> {
    const answer = await sent;
    if (answer.status !== status)
      throw new Error(`expected ${status}; got ${answer.status} ${answer.body.slice(0, 500)}`);
  }

  #send(method: string, path: string, as: Caller, payload?: { type: string; body: Buffer }): Promise<Response> {
    const jar = this.#cookies.get(as) ?? new Map<string, string>();
    this.#cookies.set(as, jar);
    const port = as === 'receiver' ? this.#receiverPort : this.#port;
    const { host, origin } = new URL(siteUrl);
    // An absolute address that Ghost itself gave (a link to sign in) is asked for here.
    const target = path.startsWith(siteUrl) ? path.slice(siteUrl.length) : path;
    const headers = {
      host,
      ...(as === 'owner' || as === 'member' ? { origin } : {}),
      ...(jar.size === 0 ? {} : { cookie: [...jar].map(([name, value]) => `${name}=${value}`).join('; ') }),
      ...(payload === undefined ? {} : { 'content-type': payload.type, 'content-length': String(payload.body.length) }),
    };
    return new Promise((resolve, reject) => {
      const sent = request(
        { host: '127.0.0.1', port, method, path: target, headers, agent: false, timeout: 60_000 },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('end', () => {
            for (const cookie of response.headers['set-cookie'] ?? []) {
              const [pair = ''] = cookie.split(';');
              jar.set(pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1));
            }
            const found = keptHeaders.flatMap((name) => {
              const value = response.headers[name];
              return value === undefined ? [] : [[name, String(value)]];
            });
            resolve({
              status: response.statusCode ?? 0,
              headers: Object.fromEntries(found),
              body: Buffer.concat(chunks).toString('utf8'),
            });
          });
        },
      );
      sent.once('timeout', () => sent.destroy(new Error(`${method} ${path}: no answer within 60 s`)));
      sent.once('error', reject);
      sent.end(payload?.body);
    });
  }
}

function json(value: unknown): { type: string; body: Buffer } {
  return { type: 'application/json', body: Buffer.from(JSON.stringify(value)) };
}

function form({ field, filename, type, content }: NonNullable<Call['upload']>): { type: string; body: Buffer } {
  const boundary = 'conformance-boundary-8f3a';
  const head = `--${boundary}\r\nContent-Disposition: form-data; name="${field}"; filename="${filename}"\r\nContent-Type: ${type}\r\n\r\n`;
  return {
    type: `multipart/form-data; boundary=${boundary}`,
    body: Buffer.from(`${head}${content}\r\n--${boundary}--\r\n`),
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

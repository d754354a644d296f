import { createHmac } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';

interface StoredKey {
  readonly uid: string;
  readonly key: string;
  readonly actions: readonly string[];
  readonly indexes: readonly string[];
}

/**
 * A double of Meilisearch's HTTP contract (https://www.meilisearch.com/docs/reference/api), as far as the provider speaks
 * it: indexes, settings, tasks that finish at once, keys derived from the master key, errors with their codes. It stores no
 * documents and searches nothing; `MEILI_URL` runs the same tests on a real server.
 */
export class MeilisearchDouble {
  readonly masterKey: string;
  readonly keys = new Map<string, StoredKey>();
  readonly indexes = new Map<string, { primaryKey: string; settings: Record<string, unknown> }>();
  readonly #server: Server;
  readonly #tasks: { status: string; error: object | null }[] = [];

  constructor(masterKey: string) {
    this.masterKey = masterKey;
    this.#server = createServer((request, response) => {
      readJson(request).then(
        (body) => this.#answer(request, response, body),
        (error: Error) => send(response, 400, { message: error.message, code: 'bad_request', type: 'invalid_request' }),
      );
    });
  }

  /** Listens on 127.0.0.1 and returns the URL. */
  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    const address = this.#server.address();
    return `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  #answer(request: IncomingMessage, response: ServerResponse, body: Record<string, unknown>): void {
    if (request.headers.authorization !== `Bearer ${this.masterKey}`) {
      send(response, 403, { message: 'The provided API key is invalid.', code: 'invalid_api_key', type: 'auth' });
      return;
    }
    const [, collection = '', uid = '', part = ''] = (request.url ?? '').split('?')[0]?.split('/') ?? [];
    const route = `${request.method} ${collection}${uid === '' ? '' : '/:uid'}${part === '' ? '' : `/${part}`}`;
    const [status, answer] = this.#route(route, uid, body);
    send(response, status, answer);
  }

  #route(route: string, uid: string, body: Record<string, unknown>): [status: number, answer?: object] {
    const index = this.indexes.get(uid);
    const key = this.keys.get(uid);
    switch (route) {
      case 'POST indexes':
        return this.#enqueue(this.#createIndex(String(body.uid), String(body.primaryKey)));
      case 'GET indexes/:uid':
        return index === undefined
          ? [404, notFound('index', uid)]
          : [200, { uid, primaryKey: index.primaryKey, ...timestamps() }];
      case 'DELETE indexes/:uid':
        return this.#enqueue(this.indexes.delete(uid) ? null : notFound('index', uid));
      case 'GET indexes/:uid/settings':
        return index === undefined ? [404, notFound('index', uid)] : [200, index.settings];
      case 'PATCH indexes/:uid/settings':
        if (index !== undefined) Object.assign(index.settings, body);
        return this.#enqueue(index === undefined ? notFound('index', uid) : null);
      case 'GET tasks/:uid': {
        const task = this.#tasks[Number(uid)];
        return task === undefined ? [404, notFound('task', uid)] : [200, taskOf(uid, task)];
      }
      case 'POST keys':
        return [201, this.#createKey(body)];
      case 'GET keys/:uid':
        return key === undefined ? [404, notFound('api_key', uid)] : [200, key];
      case 'DELETE keys/:uid':
        return this.keys.delete(uid) ? [204] : [404, notFound('api_key', uid)];
      default:
        return [404, notFound('route', route)];
    }
  }

  #createIndex(uid: string, primaryKey: string): object | null {
    if (this.indexes.has(uid)) return { message: `Index ${uid} exists`, code: 'index_already_exists' };
    this.indexes.set(uid, { primaryKey, settings: {} });
    return null;
  }

  /** Meilisearch derives a key from its uid and the master key, so that the same uid gives the same key again. */
  #createKey(body: Record<string, unknown>): StoredKey {
    const uid = String(body.uid);
    const key = createHmac('sha256', this.masterKey).update(uid).digest('hex');
    const stored = { uid, key, actions: body.actions as string[], indexes: body.indexes as string[] };
    this.keys.set(uid, stored);
    return stored;
  }

  #enqueue(error: object | null): [number, object] {
    const taskUid = this.#tasks.push({ status: error === null ? 'succeeded' : 'failed', error }) - 1;
    return [202, { taskUid, status: 'enqueued', type: 'task', enqueuedAt: new Date().toISOString() }];
  }
}

function timestamps(): object {
  const at = new Date().toISOString();
  return { createdAt: at, updatedAt: at };
}

function taskOf(uid: string, task: { status: string; error: object | null }): object {
  const at = new Date().toISOString();
  return { uid: Number(uid), ...task, type: 'task', enqueuedAt: at, startedAt: at, finishedAt: at };
}

function notFound(what: string, which: string): object {
  return { message: `${what} ${which} not found`, code: `${what}_not_found`, type: 'invalid_request' };
}

function send(response: ServerResponse, status: number, body?: object): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(body === undefined ? undefined : JSON.stringify(body));
}

async function readJson(request: IncomingMessage): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString('utf8');
  return text === '' ? {} : (JSON.parse(text) as Record<string, unknown>);
}

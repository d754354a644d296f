import { Agent, request } from 'node:https';
import { isObject, type Properties } from '../properties.ts';
import type { ApiAccess } from './kubeconfig.ts';

/** The API server refused; `code` is its HTTP status, `kind` the kind that its answer is about. */
export class ApiError extends Error {
  readonly code: number;
  readonly kind: string | undefined;
  constructor(code: number, message: string, kind?: string) {
    super(message);
    this.name = 'ApiError';
    this.code = code;
    this.kind = kind;
  }
}

/** Where an object lives. */
export interface ObjectLocation {
  /** Path of the object on the server. */
  readonly path: string;
  /** `<namespace>/<name>`, or the name alone where the kind has no namespace: upstream's provider uses the same ids. */
  readonly id: string;
}

/** A Kubernetes API server, asked in plain HTTP for objects of any kind. */
export class KubernetesApi {
  readonly #access: ApiAccess;
  readonly #agent: Agent;
  readonly #kinds = new Map<string, Promise<Map<string, { plural: string; namespaced: boolean }>>>();

  constructor(access: ApiAccess) {
    this.#access = access;
    this.#agent = new Agent({
      keepAlive: true,
      maxSockets: 16,
      ca: access.ca,
      cert: access.certificate,
      key: access.key,
    });
  }

  /**
   * Sends one request.
   *
   * @throws ApiError with the server's own message
   */
  async send(method: string, path: string, body?: unknown, contentType = 'application/json'): Promise<Properties> {
    return parse(await this.#exchange(method, path, body, contentType));
  }

  /** Reads what is no object, such as a log. @throws ApiError */
  async read(path: string): Promise<string> {
    return this.#exchange('GET', path);
  }

  async #exchange(method: string, path: string, body?: unknown, contentType = 'application/json'): Promise<string> {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const headers: Record<string, string> = { accept: 'application/json' };
    if (text !== undefined) {
      headers['content-type'] = contentType;
      // Node sends a DELETE's body without any length otherwise, and the server takes it for the next request.
      headers['content-length'] = String(Buffer.byteLength(text));
    }
    if (this.#access.token !== undefined) headers.authorization = `Bearer ${this.#access.token}`;
    const { status, answer } = await new Promise<{ status: number; answer: string }>((resolve, reject) => {
      const sent = request(`${this.#access.server}${path}`, { method, headers, agent: this.#agent }, (response) => {
        let received = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          received += chunk;
        });
        response.once('end', () => resolve({ status: response.statusCode ?? 0, answer: received }));
        response.once('error', reject);
      });
      sent.once('error', reject);
      sent.end(text);
    });
    if (status < 300) return answer;
    const problem = parse(answer);
    const kind = isObject(problem.details) ? problem.details.kind : undefined;
    const message = String(problem.message ?? `${method} ${path}: ${status}`);
    throw new ApiError(status, message, kind as string | undefined);
  }

  /**
   * Finds out where an object lives.
   *
   * @throws ApiError 404 where the server does not know its kind
   */
  async locate(object: Properties): Promise<ObjectLocation> {
    const version = String(object.apiVersion);
    const root = version.includes('/') ? `/apis/${version}` : `/api/${version}`;
    const kind = (await this.#kindsOf(version, root)).get(String(object.kind));
    if (kind === undefined) {
      // A definition may be on its way: the next question is asked of the server again.
      this.#kinds.delete(version);
      throw new ApiError(404, `the server knows no kind ${object.kind} in ${version}`, 'kinds');
    }
    const metadata = isObject(object.metadata) ? object.metadata : {};
    const name = String(metadata.name);
    if (!kind.namespaced) return { path: `${root}/${kind.plural}/${name}`, id: name };
    const namespace = String(metadata.namespace || this.#access.namespace);
    return { path: `${root}/namespaces/${namespace}/${kind.plural}/${name}`, id: `${namespace}/${name}` };
  }

  #kindsOf(version: string, root: string): Promise<Map<string, { plural: string; namespaced: boolean }>> {
    const known = this.#kinds.get(version);
    if (known !== undefined) return known;
    const asked = this.send('GET', root).then(
      (answer) => {
        const resources = answer.resources as { name: string; kind: string; namespaced: boolean }[];
        const whole = resources.filter((resource) => !resource.name.includes('/'));
        return new Map(whole.map(({ name, kind, namespaced }) => [kind, { plural: name, namespaced }]));
      },
      (error: unknown) => {
        this.#kinds.delete(version);
        if (error instanceof ApiError && error.code === 404) return new Map();
        throw error;
      },
    );
    this.#kinds.set(version, asked);
    return asked;
  }
}

function parse(answer: string): Properties {
  const parsed: unknown = answer.startsWith('{') ? JSON.parse(answer) : {};
  return isObject(parsed) ? parsed : {};
}

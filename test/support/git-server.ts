import { spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import path from 'node:path';
import { buffer } from 'node:stream/consumers';
import { git, publishFolder } from './git-repository.ts';

const token = 'a token of the repository';

/** A repository with a registry alone, over HTTP. */
export class TestRepository {
  readonly token = token;
  readonly #bare: string;
  readonly #server: GitServer;

  private constructor(bare: string, server: GitServer) {
    this.#bare = bare;
    this.#server = server;
  }

  /**
   * @param dir folder that is made
   * @param registry file name → text
   * @param host address that is listened on
   */
  static async start(dir: string, registry: Readonly<Record<string, string>>, host: string): Promise<TestRepository> {
    const [bare, seed] = [path.join(dir, 'fleet.git'), path.join(dir, 'seed')];
    await mkdir(path.join(seed, 'sites'), { recursive: true });
    for (const [file, text] of Object.entries(registry)) await writeFile(path.join(seed, 'sites', file), text);
    await publishFolder(seed, bare);
    return new TestRepository(bare, await GitServer.start(dir, token, host));
  }

  get url(): string {
    return `${this.#server.url}/${path.basename(this.#bare)}`;
  }

  /** Text of a file of the branch. @throws Error where it is not there */
  read(file: string): Promise<string> {
    return git(this.#bare, 'show', `main:${file}`);
  }

  async lastAuthor(): Promise<string> {
    return (await git(this.#bare, 'log', '-1', '--format=%ae', 'main')).trim();
  }

  stop(): Promise<void> {
    return this.#server.stop();
  }
}

/** Repositories over HTTP, as their hosts serve them to who has a token. */
export class GitServer {
  readonly #root: string;
  readonly #token: string;
  readonly #server: Server;
  url = '';

  private constructor(root: string, token: string) {
    this.#root = root;
    this.#token = token;
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch((error: Error) => response.writeHead(500).end(error.message));
    });
  }

  /**
   * @param root folder of the bare repositories
   * @param token what every request has to have as its password
   * @param host address that is listened on
   */
  static async start(root: string, token: string, host = '127.0.0.1'): Promise<GitServer> {
    const server = new GitServer(root, token);
    await new Promise<void>((resolve) => server.#server.listen(0, host, resolve));
    const address = server.#server.address();
    if (address === null || typeof address === 'string') throw new Error('expected a port');
    server.url = `http://${host}:${address.port}`;
    return server;
  }

  stop(): Promise<void> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [, encoded = ''] = /^Basic (.+)$/.exec(request.headers.authorization ?? '') ?? [];
    const password = Buffer.from(encoded, 'base64')
      .toString()
      .replace(/^[^:]*:/, '');
    if (password !== this.#token) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="repositories"' }).end();
      return;
    }
    const { head, body } = await this.#ask(request);
    const headers = head.split('\r\n').map((line) => line.split(/: (.*)/) as [string, string]);
    const status = Number.parseInt(headers.find(([name]) => name === 'Status')?.[1] ?? '200', 10);
    response.writeHead(status, Object.fromEntries(headers.filter(([name]) => name !== 'Status'))).end(body);
  }

  /** git's own answer, by CGI. */
  async #ask(request: IncomingMessage): Promise<{ readonly head: string; readonly body: Buffer }> {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
    const child = spawn('git', ['-c', 'http.receivepack=true', 'http-backend'], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: {
        PATH: process.env.PATH,
        GIT_PROJECT_ROOT: this.#root,
        GIT_HTTP_EXPORT_ALL: '1',
        REQUEST_METHOD: request.method,
        PATH_INFO: pathname,
        QUERY_STRING: searchParams.toString(),
        CONTENT_TYPE: request.headers['content-type'],
        HTTP_CONTENT_ENCODING: request.headers['content-encoding'],
        REMOTE_USER: 'somebody',
      },
    });
    request.pipe(child.stdin);
    const output = await buffer(child.stdout);
    const end = output.indexOf('\r\n\r\n');
    if (end < 0) throw new Error(`expected an answer of git http-backend; got ${output.toString()}`);
    return { head: output.subarray(0, end).toString(), body: output.subarray(end + 4) };
  }
}

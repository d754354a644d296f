import { type ChildProcess, spawn } from 'node:child_process';
import { get, type IncomingMessage } from 'node:http';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Administrator, provisionSiteDatabase } from '../../runtime/database/provision.ts';
import type { DatabaseStrategy } from '../../sites/naming.ts';
import { freePort } from './postgres.ts';

/** An answer of a site. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** Environment of a site on one of the three strategies; provisions its database on `server` where it needs one. */
export async function siteEnvironment(options: {
  slug: string;
  title: string;
  dir: string;
  strategy: DatabaseStrategy;
  server?: Administrator;
  /** Ghost whose template a database is cloned from; without it Ghost initialises an empty one. */
  ghostPath?: string;
}): Promise<Record<string, string>> {
  const { slug, title, dir, strategy, server, ghostPath } = options;
  const [port, probePort] = [await freePort(), await freePort()];
  const env = {
    SITE_SLUG: slug,
    SITE_TITLE: title,
    SITE_URL: `http://${slug}.localhost:${port}`,
    CONTENT_PATH: path.join(dir, slug),
    PORT: String(port),
    PROBE_PORT: String(probePort),
  };
  if (strategy === 'sqlite') return env;
  if (server === undefined) throw new Error(`the strategy ${strategy} needs a server`);
  const place = await provisionSiteDatabase(server, {
    slug,
    strategy,
    password: 'a-password',
    ...(ghostPath === undefined ? {} : { ghostPath }),
  });
  return {
    ...env,
    DATABASE_CLIENT: 'postgres',
    DATABASE_STRATEGY: strategy,
    DATABASE_HOST: server.host,
    DATABASE_PORT: String(server.port),
    DATABASE_NAME: place.database,
    DATABASE_PASSWORD: 'a-password',
  };
}

/** This checkout's entrypoint, under this very Node. */
const entrypoint = [process.execPath, '--disable-warning=ExperimentalWarning', 'runtime/site/entrypoint.ts'];

/** A site's entrypoint as a process: this checkout's, or another command that runs one and passes signals on. */
export class SiteUnderTest {
  readonly env: Readonly<Record<string, string>>;
  readonly child: ChildProcess;
  output = '';

  constructor(
    env: Readonly<Record<string, string>>,
    args: readonly string[] = [],
    command: readonly string[] = entrypoint,
  ) {
    this.env = env;
    const [program = '', ...first] = command;
    this.child = spawn(program, [...first, ...args], {
      env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        this.output += chunk.toString();
      });
    }
  }

  get running(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Resolves with the exit code, null where a signal ended the process. */
  exited(): Promise<number | null> {
    if (!this.running) return Promise.resolve(this.child.exitCode);
    return new Promise((resolve) => this.child.once('exit', (code) => resolve(code)));
  }

  async ready(timeoutMs = 90_000): Promise<this> {
    const deadline = Date.now() + timeoutMs;
    while (this.running && Date.now() < deadline) {
      if ((await this.readiness()).ready) return this;
      await sleep(100);
    }
    throw new Error(`the site did not become ready:\n${this.output.slice(-4_000)}`);
  }

  async readiness(): Promise<{ ready: boolean; phase: string; migrations: string; checks: Record<string, string> }> {
    try {
      return JSON.parse((await this.probe('/readyz')).body);
    } catch {
      return { ready: false, phase: 'not listening', migrations: 'unknown', checks: {} };
    }
  }

  probe(pathname: string): Promise<Answer> {
    return request(Number(this.env.PROBE_PORT ?? 2369), pathname, {});
  }

  /** Asks Ghost for a page, as its visitors do. */
  get(pathname: string): Promise<Answer> {
    return request(Number(this.env.PORT ?? 2368), pathname, {
      host: new URL(this.env.SITE_URL ?? 'http://localhost').host,
    });
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    if (this.running) this.child.kill(signal);
    return this.exited();
  }
}

/** A GET to this machine with any Host header. */
export function request(port: number, pathname: string, headers: Record<string, string>): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = get(
      { host: '127.0.0.1', port, path: pathname, headers, agent: false, timeout: 10_000 },
      (response) => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          body += chunk;
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
      },
    );
    sent.once('timeout', () => sent.destroy(new Error('no answer in time')));
    sent.once('error', reject);
  });
}

import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../scripts/services/postgres.ts';
import { type Answer, request } from './site-process.ts';

/** A site as `/fleet.json` shows it. */
export interface ShownSite {
  readonly slug: string;
  readonly state: string;
  readonly detail: string;
  readonly database: string;
}

/** `npm start` as a process, on a registry and a state folder of the test's own. */
export class FleetUnderTest {
  readonly port: number;
  readonly child: ChildProcess;
  output = '';

  private constructor(port: number, child: ChildProcess) {
    this.port = port;
    this.child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        this.output += chunk.toString();
      });
    }
  }

  static async start(options: {
    sitesDir: string;
    stateDir: string;
    args?: readonly string[];
  }): Promise<FleetUnderTest> {
    const port = await freePort();
    const args = [
      '--disable-warning=ExperimentalWarning',
      'scripts/start.ts',
      '--port',
      String(port),
      '--sites',
      options.sitesDir,
      ...(options.args ?? []),
    ];
    const child = spawn(process.execPath, args, {
      env: { ...process.env, GHOST_FLEET_STATE: options.stateDir, NO_COLOR: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return new FleetUnderTest(port, child);
  }

  /** Waits for the table that ends a start. */
  async table(timeoutMs = 120_000): Promise<string> {
    await this.waitFor(() => this.output.includes('Ctrl-C stops the fleet'), timeoutMs);
    return this.output.slice(this.output.indexOf('\nsite '));
  }

  async waitFor(condition: () => boolean | Promise<boolean>, timeoutMs = 60_000): Promise<void> {
    const deadline = Date.now() + timeoutMs;
    while (!(await condition())) {
      if (this.child.exitCode !== null || Date.now() > deadline)
        throw new Error(`waited in vain:\n${this.output.slice(-4_000)}`);
      await sleep(100);
    }
  }

  get(host: string, pathname = '/'): Promise<Answer> {
    return request(this.port, pathname, { host });
  }

  async sites(): Promise<ShownSite[]> {
    return (JSON.parse((await this.get('localhost', '/fleet.json')).body) as { sites: ShownSite[] }).sites;
  }

  async stateOf(slug: string): Promise<string | undefined> {
    return (await this.sites()).find((site) => site.slug === slug)?.state;
  }

  /** Ctrl-C. */
  async stop(): Promise<number | null> {
    if (this.child.exitCode !== null) return this.child.exitCode;
    this.child.kill('SIGINT');
    return new Promise((resolve) => this.child.once('exit', (code) => resolve(code)));
  }
}

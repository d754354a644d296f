import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../services/postgres.ts';

/** `npm start` as a process of its own group, on a state folder of the bench's own. */
export class LocalFleet {
  readonly port: number;
  readonly #child: ChildProcess;

  private constructor(port: number, child: ChildProcess) {
    this.port = port;
    this.#child = child;
  }

  /** Starts it and does not wait. @param args more of the command's arguments */
  static async start(stateDir: string, args: readonly string[] = []): Promise<LocalFleet> {
    const port = await freePort();
    const child = spawn('npm', ['start', '--silent', '--', '--port', String(port), ...args], {
      env: { ...process.env, GHOST_FLEET_STATE: stateDir },
      stdio: ['ignore', 'ignore', 'inherit'],
      // A group of its own: Ctrl-C reaches npm, its shell and the fleet at once, and so must this.
      detached: true,
    });
    return new LocalFleet(port, child);
  }

  /** States of the sites, by slug. */
  async states(): Promise<Map<string, string>> {
    const answer = await fetch(`http://localhost:${this.port}/fleet.json`);
    const { sites } = (await answer.json()) as { sites: { slug: string; state: string }[] };
    return new Map(sites.map(({ slug, state }) => [slug, state]));
  }

  /** Resolves when there are sites and all of them are ready. */
  async ready(): Promise<void> {
    await waitFor(this.#child, async () => {
      const states = [...(await this.states()).values()];
      return states.length > 0 && states.every((state) => state === 'ready');
    });
  }

  /** Resolves when something is so. @throws Error where it is not so in two minutes */
  until(isSo: () => Promise<boolean>): Promise<void> {
    return waitFor(this.#child, isSo);
  }

  /** Ctrl-C. */
  stop(): Promise<void> {
    return end(this.#child, 'SIGINT');
  }
}

/** Asks again and again until something is so; what cannot be asked yet is not. @throws Error after two minutes */
export async function waitFor(child: ChildProcess, condition: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 120_000;
  while (child.exitCode === null && Date.now() < deadline) {
    if (await condition().catch(() => false)) return;
    await sleep(25);
  }
  await end(child, 'SIGTERM');
  throw new Error('it did not become ready');
}

/** Ends a process and its group by a signal. */
export async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  const ended = new Promise((resolve) => child.once('exit', resolve));
  if (child.pid !== undefined) process.kill(-child.pid, signal);
  await ended;
}

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DatabaseSettings } from '../../../runtime/platform/database/settings.ts';
import type { RedisSettings } from '../../../runtime/platform/volatile/redis-settings.ts';

/** What a worker process is told. */
export interface WorkerSettings {
  readonly database: DatabaseSettings;
  readonly redis: RedisSettings | undefined;
  readonly file: string;
}

/** A process, and when it takes jobs. */
interface Living {
  readonly process: ChildProcess;
  readonly ready: Promise<unknown>;
  readonly ended: Promise<unknown>;
}

/** Worker processes, of which there are always so many: one that ends, however it does, is followed by another. */
export class Workers {
  readonly #settings: WorkerSettings;
  readonly #living: Living[] = [];
  #ending = false;
  /** What the processes said. */
  readonly said: string[] = [];
  /** How those ended that should have ended otherwise. */
  readonly crashes: string[] = [];

  constructor(settings: WorkerSettings, count: number) {
    this.#settings = settings;
    for (let at = 0; at < count; at += 1) this.#start(at);
  }

  /** Ends one of them by a signal once it takes jobs, and puts another in its place. */
  async end(at: number, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const living = this.#living[at];
    await living?.ready;
    living?.process.kill(signal);
    await living?.ended;
  }

  /** Has one of them stand still for a while, as a machine without memory would, and go on. */
  async pause(at: number, forMs: number): Promise<void> {
    const living = this.#living[at];
    await living?.ready;
    living?.process.kill('SIGSTOP');
    await sleep(forMs);
    living?.process.kill('SIGCONT');
  }

  /** Ends all of them for good. */
  async stop(): Promise<void> {
    this.#ending = true;
    await Promise.all(this.#living.map((_, at) => this.end(at, 'SIGTERM')));
  }

  #start(at: number): void {
    const program = path.join(import.meta.dirname, 'worker-process.ts');
    const child = fork(program, [JSON.stringify(this.#settings)], { stdio: ['ignore', 'inherit', 'pipe', 'ipc'] });
    child.stderr?.on('data', (text) => this.said.push(String(text)));
    const ended = once(child, 'exit');
    child.once('exit', (code, signal) => {
      if (code !== 0 && signal !== 'SIGKILL') this.crashes.push(`a worker ended with ${code ?? signal}`);
      if (!this.#ending) this.#start(at);
    });
    this.#living[at] = { process: child, ready: Promise.race([once(child, 'message'), ended]), ended };
  }
}

import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

/** A worker that was started, in a process group of its own. */
export interface StartedWorker {
  readonly process: ChildProcess;
  /** Resolves when it takes jobs. */
  readonly ready: Promise<unknown>;
}

interface Living {
  readonly process: ChildProcess;
  /** Resolves when it takes jobs, or has ended before. */
  readonly ready: Promise<unknown>;
  readonly ended: Promise<unknown>;
}

/** Before the place of one that could not start is taken again. */
const restartMs = 500;

/**
 * Worker processes, of which there are always so many: one that ends, however it does, is followed by another. Signals go to
 * all that a worker has started too, as when a container ends.
 */
export class Workers {
  readonly #start: (at: number) => StartedWorker;
  readonly #living: Living[] = [];
  #ending = false;
  /** What the processes said. */
  readonly said: string[] = [];
  /** How those ended that should have ended otherwise: they took jobs, and nobody had ended them. */
  readonly crashes: string[] = [];
  /** Process ids of those that were killed. */
  readonly killed: number[] = [];

  constructor(count: number, start: (at: number) => StartedWorker) {
    this.#start = start;
    for (let at = 0; at < count; at += 1) this.#fill(at);
  }

  /** Ends one of them by a signal once it takes jobs, and puts another in its place. */
  async end(at: number, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const living = this.#living[at];
    await living?.ready;
    const { pid } = living?.process ?? {};
    if (pid !== undefined && signal === 'SIGKILL') this.killed.push(pid);
    // What a worker has started is its own to end, unless it cannot any more.
    if (signal === 'SIGKILL') signalGroup(pid, signal);
    else living?.process.kill(signal);
    await living?.ended;
  }

  /** Has one of them stand still for a while, as a machine without memory would, and go on. */
  async pause(at: number, forMs: number): Promise<void> {
    const living = this.#living[at];
    await living?.ready;
    signalGroup(living?.process.pid, 'SIGSTOP');
    await sleep(forMs);
    signalGroup(living?.process.pid, 'SIGCONT');
  }

  /** Resolves when all of them take jobs. */
  async ready(): Promise<void> {
    await Promise.all(this.#living.map(({ ready }) => ready));
  }

  /** Ends all of them for good. */
  async stop(): Promise<void> {
    this.#ending = true;
    await Promise.all(this.#living.map((_, at) => this.end(at, 'SIGTERM')));
  }

  /** Ends all of them at once: nothing that they may wait for comes back. */
  async kill(): Promise<void> {
    this.#ending = true;
    for (const { process: child } of this.#living) signalGroup(child.pid, 'SIGKILL');
  }

  #fill(at: number): void {
    const { process: child, ready } = this.#start(at);
    let takesJobs = false;
    void ready.then(() => (takesJobs = true));
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (text) => this.said.push(String(text)));
    const ended = once(child, 'exit');
    child.once('exit', (code, signal) => {
      if (code !== 0 && signal !== 'SIGKILL' && takesJobs) this.crashes.push(`a worker ended with ${code ?? signal}`);
      if (this.#ending) return;
      if (takesJobs) this.#fill(at);
      else setTimeout(() => this.#ending || this.#fill(at), restartMs);
    });
    this.#living[at] = { process: child, ready: Promise.race([ready, ended]), ended };
  }
}

/** Some of the group may have ended by itself. */
function signalGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(-pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { open } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../services/postgres.ts';

/** What a process needs to run; asked for anew at each start. */
export interface ProcessLaunch {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
}

export type ProcessState = 'stopped' | 'starting' | 'ready' | 'unready' | 'crashed' | 'misconfigured';

export interface SupervisedProcessOptions {
  /** Slug of the site, or the name of what else it is. */
  readonly slug: string;
  readonly logFile: string;
  /** Its probes answer on the port that it serves on. @default false */
  readonly onePort?: boolean;
  /** Builds the launch for two ports that are free now. */
  readonly launch: (ports: { port: number; probePort: number }) => Promise<ProcessLaunch>;
  /** Runs a start, so that only a few happen at once. */
  readonly whenFree: <T>(start: () => Promise<T>) => Promise<T>;
  /** Pause before the first restart, doubled for each further one. @default 1000 */
  readonly firstPauseMs?: number;
}

/** A process that ran this long has recovered: the next crash is a first one again. */
const stableMs = 60_000;
const longestPauseMs = 60_000;
const hopelessRestarts = 3;
/** Grace beyond what the site grants itself before it is killed. */
const stopMs = 35_000;
const probeEveryMs = 150;
const watchEveryMs = 5_000;
/** Exit code of a site that was told nonsense: another try would end the same way. */
const exitConfiguration = 78;

/**
 * A site, or the platform, as a process of this machine: started, watched through its probes, restarted with growing
 * pauses when it ends by itself. Emits `state` whenever {@link state} changes.
 */
export class SupervisedProcess extends EventEmitter<{ state: [] }> {
  readonly slug: string;
  state: ProcessState = 'stopped';
  /** Why the site is not ready, for people. */
  detail = '';
  /** Port of Ghost; 0 while there is none. */
  port = 0;
  /** Port of the probes; 0 while there is none. */
  probePort = 0;
  restarts = 0;
  readonly #options: SupervisedProcessOptions;
  #child: ChildProcess | undefined;
  #stopping = new AbortController();
  #loop: Promise<void> | undefined;

  constructor(options: SupervisedProcessOptions) {
    super();
    this.slug = options.slug;
    this.#options = options;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Starts the site and keeps it running until {@link stop}. */
  start(): void {
    if (this.#loop !== undefined) return;
    this.#stopping = new AbortController();
    this.#loop = this.#run(this.#stopping.signal);
  }

  /** Resolves when the site is ready, is not to run, or has failed so often that waiting for it is of no use. */
  async settled(): Promise<void> {
    while (
      this.#loop !== undefined &&
      ['starting', 'stopped', 'crashed'].includes(this.state) &&
      this.restarts < hopelessRestarts
    ) {
      await new Promise<void>((resolve) => this.once('state', resolve));
    }
  }

  /** Lets the site finish its requests and ends it; kills it where it does not end. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    const child = this.#child;
    if (child !== undefined && child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM');
      const killer = setTimeout(() => child.kill('SIGKILL'), stopMs);
      await this.#loop;
      clearTimeout(killer);
    }
    await this.#loop;
    this.#loop = undefined;
    this.#set('stopped');
  }

  /** Ends the process at once. */
  kill(): void {
    this.#stopping.abort();
    this.#child?.kill('SIGKILL');
  }

  async #run(stopping: AbortSignal): Promise<void> {
    let pause = this.#options.firstPauseMs ?? 1_000;
    while (!stopping.aborted) {
      const started = Date.now();
      this.#set('starting');
      const end = await this.#runOnce(stopping);
      this.port = 0;
      this.probePort = 0;
      if (stopping.aborted) return;
      if (Date.now() - started > stableMs) pause = this.#options.firstPauseMs ?? 1_000;
      if (end === `exit code ${exitConfiguration}`) {
        this.#set('misconfigured', `see ${this.#options.logFile}`);
        return;
      }
      this.restarts += 1;
      this.#set('crashed', `${end}; restarting in ${Math.ceil(pause / 1000)} s`);
      await sleep(pause, undefined, { signal: stopping }).catch(() => undefined);
      pause = Math.min(pause * 2, longestPauseMs);
    }
  }

  /** @returns how the process ended */
  async #runOnce(stopping: AbortSignal): Promise<string> {
    try {
      const ended = await this.#options.whenFree(async () => {
        if (stopping.aborted) return undefined;
        const { exit, probePort } = await this.#launch();
        await Promise.race([exit, this.#becomeReady(probePort, stopping)]);
        return { exit, probePort };
      });
      if (ended === undefined) return 'stopped';
      const watching = new AbortController();
      const watch = this.#watch(ended.probePort, AbortSignal.any([stopping, watching.signal]));
      const end = await ended.exit;
      watching.abort();
      await watch;
      return end;
    } catch (error) {
      return (error as Error).message;
    }
  }

  async #launch(): Promise<{ exit: Promise<string>; probePort: number }> {
    const port = await freePort();
    const probePort = this.#options.onePort === true ? port : await freePort();
    const { command, args, env } = await this.#options.launch({ port, probePort });
    const log = await open(this.#options.logFile, 'a', 0o600);
    // A group of its own, since Ctrl-C is for the fleet to pass on; its standard input ends with this process.
    const child = spawn(command, args, {
      env: env as NodeJS.ProcessEnv,
      stdio: ['pipe', log.fd, log.fd],
      detached: true,
    });
    await log.close();
    this.#child = child;
    this.port = port;
    this.probePort = probePort;
    const exit = new Promise<string>((resolve) => {
      child.once('error', (error) => resolve(error.message));
      child.once('exit', (code, signal) => resolve(signal === null ? `exit code ${code}` : `killed by ${signal}`));
    });
    return { exit, probePort };
  }

  async #becomeReady(probePort: number, stopping: AbortSignal): Promise<void> {
    const child = this.#child;
    while (!stopping.aborted && child?.exitCode === null && child.signalCode === null) {
      if ((await askReadiness(probePort)) === 'ready') {
        this.#set('ready');
        return;
      }
      await sleep(probeEveryMs);
    }
  }

  async #watch(probePort: number, ending: AbortSignal): Promise<void> {
    while (!ending.aborted) {
      await sleep(watchEveryMs, undefined, { signal: ending }).catch(() => undefined);
      if (ending.aborted) return;
      const answer = await askReadiness(probePort);
      if (ending.aborted) return;
      this.#set(answer === 'ready' ? 'ready' : 'unready', answer === 'ready' ? '' : answer);
    }
  }

  #set(state: ProcessState, detail = ''): void {
    if (state === this.state && detail === this.detail) return;
    this.state = state;
    this.detail = detail;
    this.emit('state');
  }
}

/** `ready`, or why not. */
async function askReadiness(probePort: number): Promise<string> {
  try {
    const response = await fetch(`http://127.0.0.1:${probePort}/readyz`, { signal: AbortSignal.timeout(3_000) });
    const answer = (await response.json()) as { phase: string; checks: Record<string, string> };
    if (response.ok) return 'ready';
    const failing = Object.entries(answer.checks).filter(([, outcome]) => outcome !== 'ok');
    return failing.map(([check, outcome]) => `${check}: ${outcome}`).join(', ') || answer.phase;
  } catch {
    return 'does not answer';
  }
}

/** Folder of this repository, from which the entrypoint is run. */
export const repositoryDir = path.resolve(import.meta.dirname, '../..');

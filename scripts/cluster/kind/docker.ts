import { createReadStream } from 'node:fs';
import { $ } from 'zx';

/** The docker client and the daemon that its environment names. */
export class Docker {
  /** For whatever else calls docker, such as kind. */
  readonly env: NodeJS.ProcessEnv;

  /** @param settings variables beside those of this process @default none: the machine's own daemon */
  constructor(settings: Readonly<Record<string, string>> = {}) {
    this.env = { ...process.env, ...settings };
  }

  /**
   * What a command prints; rejects where it exits with anything but 0.
   *
   * @param inputFile goes to its standard input
   */
  async run(args: readonly string[], inputFile?: string): Promise<string> {
    const client = $({
      quiet: true,
      env: this.env,
      stdio: [inputFile === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    });
    const running = client`docker ${args}`;
    if (inputFile !== undefined) createReadStream(inputFile).pipe(running.stdin);
    return (await running).stdout.trim();
  }

  async answers(): Promise<boolean> {
    return this.run(['version', '--format={{.Server.Version}}']).then(
      () => true,
      () => false,
    );
  }

  async hasImage(name: string): Promise<boolean> {
    return this.run(['image', 'inspect', '--format={{.Id}}', name]).then(
      () => true,
      () => false,
    );
  }

  async isRunning(container: string): Promise<boolean> {
    return (await this.run(['inspect', '--format={{.State.Running}}', container])).trim() === 'true';
  }
}

import { readFile } from 'node:fs/promises';
import { $, type ProcessPromise } from 'zx';

/** kubectl with a cluster's kubeconfig and nothing of the caller's own. */
export class Kubectl {
  readonly #program: string;
  readonly #kubeconfig: string;

  constructor(program: string, kubeconfig: string) {
    this.#program = program;
    this.#kubeconfig = kubeconfig;
  }

  /** Runs it; rejects where it exits with anything but 0. `input` goes to its standard input. */
  run(args: readonly string[], input = ''): ProcessPromise {
    const shell = $({ quiet: true, input, env: { ...process.env, KUBECONFIG: this.#kubeconfig } });
    return shell`${this.#program} ${args}`;
  }

  /** What it prints, without the line's end. */
  async read(...args: string[]): Promise<string> {
    return (await this.run(args)).stdout.trim();
  }

  /**
   * Makes the cluster's objects what a manifest says, in which `${NAME}` stands for a value.
   *
   * @throws Error where the manifest names a value that is not given
   */
  async applyManifest(file: string, values: Readonly<Record<string, string>>): Promise<void> {
    const text = (await readFile(file, 'utf8')).replaceAll(/\$\{([A-Z_]+)\}/g, (_, name: string) => {
      const value = values[name];
      if (value === undefined) throw new Error(`${file}: expected a value for ${name}; got none`);
      return value;
    });
    await this.run(['apply', '--server-side', '--force-conflicts', '--filename=-'], text);
  }
}

import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { stringify } from 'yaml';
import type { EngineEnvironment } from '../../../scripts/engine/environment.ts';

/** How a run of the Pulumi CLI ended. */
export interface PulumiRun {
  readonly exitCode: number | null;
  /** Standard output and standard error, as they came. */
  readonly output: string;
}

/** A throw-away Pulumi project with one stack of a random name. */
export class PulumiProject {
  readonly dir: string;
  readonly stack = `test-${randomBytes(4).toString('hex')}`;
  readonly #environment: EngineEnvironment;

  private constructor(dir: string, environment: EngineEnvironment) {
    this.dir = dir;
    this.#environment = environment;
  }

  /**
   * Makes the project and its stack.
   *
   * @param program text of an ECMAScript module in TypeScript; finds this project's packages
   * @param secrets configuration that is encrypted where it is stored
   */
  static async create(
    dir: string,
    environment: EngineEnvironment,
    program: string,
    config: Readonly<Record<string, string>> = {},
    secrets: Readonly<Record<string, string>> = {},
  ): Promise<PulumiProject> {
    await mkdir(dir, { recursive: true });
    // As the fleet's own Pulumi.yaml has it: Node strips the types itself.
    const options = { typescript: false, nodeargs: '--disable-warning=ExperimentalWarning' };
    const settings = { name: 'engine-test', main: 'index.ts', runtime: { name: 'nodejs', options } };
    await writeFile(path.join(dir, 'Pulumi.yaml'), stringify(settings));
    const packages = { '@pulumi/kubernetes': '*', '@pulumi/postgresql': '*', '@pulumi/random': '*' };
    await writeFile(path.join(dir, 'package.json'), JSON.stringify({ type: 'module', dependencies: packages }));
    await symlink(path.resolve('node_modules'), path.join(dir, 'node_modules'));
    const project = new PulumiProject(dir, environment);
    await project.write(program);
    await project.succeed(['stack', 'init', project.stack]);
    const set = ['config', 'set', '--stack', project.stack];
    for (const [name, value] of Object.entries(config)) await project.succeed([...set, '--plaintext', name], value);
    for (const [name, value] of Object.entries(secrets)) await project.succeed([...set, '--secret', name], value);
    return project;
  }

  /** Puts another program in the place of the present one. */
  async write(program: string): Promise<void> {
    await writeFile(path.join(this.dir, 'index.ts'), program);
  }

  /**
   * Starts the CLI and does not wait.
   *
   * @param input what it reads from standard input
   */
  start(args: readonly string[], input = ''): { child: ChildProcess; ended: Promise<PulumiRun> } {
    const child = spawn('pulumi', ['--non-interactive', '--color=never', ...args], {
      cwd: this.dir,
      env: this.#environment.variables,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    child.stdin.end(input);
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (chunk: string) => {
        output += chunk;
      });
    }
    const ended = new Promise<PulumiRun>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (exitCode) => resolve({ exitCode, output }));
    });
    return { child, ended };
  }

  /** Runs the CLI on the stack. */
  async run(...args: readonly string[]): Promise<PulumiRun> {
    return this.start([...args, '--stack', this.stack]).ended;
  }

  /** Runs the CLI on the stack and expects exit code 0. */
  async up(...args: readonly string[]): Promise<PulumiRun> {
    return this.succeed(['up', '--yes', '--stack', this.stack, ...args]);
  }

  /** Destroys what is left, and the stack; for `finally`. */
  async destroy(): Promise<void> {
    // A killed engine leaves a lock.
    await this.run('cancel', '--yes');
    await this.succeed(['destroy', '--yes', '--stack', this.stack, '--remove']);
  }

  /** The state as it lies in the backend, secrets and all. */
  async readState(): Promise<string> {
    const { localState } = this.#environment;
    if (localState === undefined) throw new Error('expected a backend of files; got the one of the environment');
    return readFile(path.join(localState, '.pulumi', 'stacks', 'engine-test', `${this.stack}.json`), 'utf8');
  }

  private async succeed(args: readonly string[], input?: string): Promise<PulumiRun> {
    const run = await this.start(args, input).ended;
    if (run.exitCode !== 0) throw new Error(`pulumi ${args.join(' ')} ended with ${run.exitCode}:\n${run.output}`);
    return run;
  }
}

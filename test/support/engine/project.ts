import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { stringify } from 'yaml';
import type { EngineEnvironment } from '../../../scripts/engine/environment.ts';

/** How a run of the Pulumi CLI ended. */
export interface PulumiRun {
  readonly exitCode: number | null;
  /** Standard output and standard error, as they came. */
  readonly output: string;
}

/** What is looked at of a state. */
interface Deployment {
  readonly resources?: readonly { readonly type: string }[];
  readonly pending_operations?: readonly unknown[];
}

/** A throw-away Pulumi project with one stack of a random name. */
export class PulumiProject {
  readonly dir: string;
  readonly stack = `test-${randomBytes(4).toString('hex')}`;
  readonly #name: string;
  readonly #environment: EngineEnvironment;

  private constructor(dir: string, name: string, environment: EngineEnvironment) {
    this.dir = dir;
    this.#name = name;
    this.#environment = environment;
  }

  /**
   * Makes a copy of this project, program and registry, with a stack of its own.
   *
   * @param settings what `Pulumi.<stack>.yaml` says
   * @param secrets configuration that is encrypted where it is stored
   */
  static async copyFleet(
    dir: string,
    environment: EngineEnvironment,
    settings: Readonly<Record<string, unknown>>,
    secrets: Readonly<Record<string, string>>,
  ): Promise<PulumiProject> {
    await mkdir(dir, { recursive: true });
    for (const name of ['Pulumi.yaml', 'package.json', 'components', 'runtime', 'sites', 'stacks']) {
      await cp(path.resolve(name), path.join(dir, name), { recursive: true });
    }
    await symlink(path.resolve('node_modules'), path.join(dir, 'node_modules'));
    const project = new PulumiProject(dir, 'ghost-fleet', environment);
    const config = Object.fromEntries(Object.entries(settings).map(([key, value]) => [`ghost-fleet:${key}`, value]));
    await writeFile(path.join(dir, 'stacks', `Pulumi.${project.stack}.yaml`), stringify({ config }));
    await project.#initialise({}, secrets);
    return project;
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
    const name = 'engine-test';
    const settings = { name, main: 'index.ts', runtime: { name: 'nodejs', options } };
    await writeFile(path.join(dir, 'Pulumi.yaml'), stringify(settings));
    const packages = { '@pulumi/kubernetes': '*', '@pulumi/postgresql': '*', '@pulumi/random': '*' };
    await writeFile(path.join(dir, 'package.json'), JSON.stringify({ type: 'module', dependencies: packages }));
    await symlink(path.resolve('node_modules'), path.join(dir, 'node_modules'));
    const project = new PulumiProject(dir, name, environment);
    await project.write(program);
    await project.#initialise(config, secrets);
    return project;
  }

  async #initialise(
    config: Readonly<Record<string, string>>,
    secrets: Readonly<Record<string, string>>,
  ): Promise<void> {
    await this.succeed(['stack', 'init', this.stack]);
    const set = ['config', 'set', '--stack', this.stack];
    for (const [key, value] of Object.entries(config)) await this.succeed([...set, '--plaintext', key], value);
    for (const [key, value] of Object.entries(secrets)) await this.succeed([...set, '--secret', key], value);
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

  /** Destroys all that is not protected. */
  async destroyUnprotected(): Promise<PulumiRun> {
    return this.succeed(['destroy', '--yes', '--exclude-protected', '--stack', this.stack]);
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
    return readFile(path.join(localState, '.pulumi', 'stacks', this.#name, `${this.stack}.json`), 'utf8');
  }

  /** Whether the state holds a resource of the type, and no operation is under way. */
  async hasRecorded(type: string): Promise<boolean> {
    const { latest } = (JSON.parse(await this.readState()) as { checkpoint: { latest?: Deployment } }).checkpoint;
    const recorded = latest?.resources?.some((resource) => resource.type === type) ?? false;
    return recorded && (latest?.pending_operations ?? []).length === 0;
  }

  private async succeed(args: readonly string[], input?: string): Promise<PulumiRun> {
    const run = await this.start(args, input).ended;
    if (run.exitCode !== 0) throw new Error(`pulumi ${args.join(' ')} ended with ${run.exitCode}:\n${run.output}`);
    return run;
  }
}

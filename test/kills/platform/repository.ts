import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** A repository with an empty registry, whose `npm run up` is the recorded engine. */
export class Repository {
  readonly #dir: string;

  private constructor(dir: string) {
    this.#dir = dir;
  }

  static async create(dir: string): Promise<Repository> {
    const repository = new Repository(dir);
    const seed = path.join(dir, 'seed');
    await mkdir(path.join(seed, 'sites'), { recursive: true });
    await git(dir, 'init', '--quiet', '--bare', '--initial-branch=main', 'remote.git');
    await git(seed, 'init', '--quiet', '--initial-branch=main');
    await writeFile(path.join(seed, 'sites/.gitkeep'), '');
    const engine = path.resolve(import.meta.dirname, '../../support/recorded-engine.ts');
    const up = `"${process.execPath}" --disable-warning=ExperimentalWarning "${engine}"`;
    await writeFile(path.join(seed, 'package.json'), JSON.stringify({ name: 'registry', scripts: { up } }));
    await git(seed, 'add', '-A');
    await git(seed, '-c', 'user.name=ops', '-c', 'user.email=ops@example.com', 'commit', '-qm', 'the beginning');
    await git(seed, 'push', '--quiet', path.join(dir, 'remote.git'), 'main');
    return repository;
  }

  /** A checkout of a process's own. */
  async checkout(name: string): Promise<string> {
    await git(this.#dir, 'clone', '--quiet', 'remote.git', name);
    return path.join(this.#dir, name);
  }

  /** Authors and subjects of what was pushed. */
  async commits(): Promise<string[]> {
    return (await git(path.join(this.#dir, 'remote.git'), 'log', '--format=%an: %s', 'main')).trim().split('\n');
  }

  /** Names of the registry's files. */
  async files(): Promise<string[]> {
    const args = ['ls-tree', '--name-only', 'main', 'sites/'] as const;
    const list = (await git(path.join(this.#dir, 'remote.git'), ...args)).trim().split('\n');
    return list.filter((file) => file.endsWith('.yaml'));
  }
}

async function git(cwd: string, ...args: readonly string[]): Promise<string> {
  return (await execute('git', [...args], { cwd, maxBuffer: 64 * 1024 ** 2 })).stdout;
}

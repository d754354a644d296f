import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { git, publishFolder } from '../../support/git-repository.ts';

/** A project whose stack is updated by Pulumi. */
export interface RealProject {
  readonly dir: string;
  readonly stack: string;
}

/** A repository with an empty registry, whose `npm run up` is the recorded engine, but for one stack at most. */
export class Repository {
  readonly #dir: string;

  private constructor(dir: string) {
    this.#dir = dir;
  }

  /** @param real what the repository holds beside the registry, and the stack that is updated by it */
  static async create(dir: string, real?: RealProject): Promise<Repository> {
    const seed = real?.dir ?? path.join(dir, 'seed');
    await mkdir(path.join(seed, 'sites'), { recursive: true });
    await writeFile(path.join(seed, 'sites/.gitkeep'), '');
    await writeFile(path.join(seed, 'up.sh'), describeUp(real?.stack));
    const settings = path.join(seed, 'package.json');
    const given = real === undefined ? { name: 'registry' } : JSON.parse(await readFile(settings, 'utf8'));
    await writeFile(settings, JSON.stringify({ ...given, scripts: { up: 'sh up.sh' } }));
    await publishFolder(seed, path.join(dir, 'remote.git'));
    return new Repository(dir);
  }

  /** A checkout of a process's own, with tools of its own, since they are links to the checkout's. */
  async checkout(name: string): Promise<string> {
    const checkout = path.join(this.#dir, name);
    await git(this.#dir, 'clone', '--quiet', 'remote.git', name);
    await cp('.tools', path.join(checkout, '.tools'), { recursive: true, verbatimSymlinks: true });
    return checkout;
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

/** What `npm run up -- --stack <name> --yes` does. */
function describeUp(realStack: string | undefined): string {
  const recorded = path.resolve(import.meta.dirname, '../../support/recorded-engine.ts');
  const real = `[ "$2" = "${realStack}" ] && exec sh scripts/run.sh scripts/up.ts "$@"\n`;
  return `${realStack === undefined ? '' : real}exec "${process.execPath}" --disable-warning=ExperimentalWarning "${recorded}" "$@"\n`;
}

import { execFile } from 'node:child_process';
import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { committer, type WorkingTree } from './working-tree.ts';

const execute = promisify(execFile);

export interface GitCheckoutArgs {
  readonly dir: string;
  readonly remote: string;
  readonly branch: string;
  /** Of the registry in it. */
  readonly folder: string;
}

/** A checkout that is there, worked on by the machine's git with the machine's credentials. */
export class GitCheckout implements WorkingTree {
  readonly registry: string;
  readonly #args: GitCheckoutArgs;
  #unlocked: Promise<void> | undefined;

  constructor(args: GitCheckoutArgs) {
    this.#args = args;
    this.registry = path.join(args.dir, args.folder);
  }

  async pull(): Promise<void> {
    const { dir, remote, branch, folder } = this.#args;
    this.#unlocked ??= removeLocks(path.join(dir, '.git'));
    await this.#unlocked;
    await this.#git('fetch', '--quiet', remote, branch);
    await this.#git('reset', '--quiet', '--hard', 'FETCH_HEAD');
    await this.#git('clean', '--quiet', '-fd', '--', folder);
  }

  async push(message: string, author: string): Promise<void> {
    const { remote, branch, folder } = this.#args;
    await this.#git('add', '--', folder);
    const clean = await this.#git('diff', '--cached', '--quiet').then(
      () => true,
      () => false,
    );
    if (clean) return;
    await this.#git('commit', '--quiet', `--author=${author} <${author}>`, '-m', message);
    await this.#git('push', '--quiet', remote, `HEAD:${branch}`);
  }

  async #git(...args: string[]): Promise<string> {
    const identity = ['-c', `user.name=${committer.name}`, '-c', `user.email=${committer.email}`];
    return (await execute('git', [...identity, ...args], { cwd: this.#args.dir })).stdout;
  }
}

/**
 * Removes the locks in which git would wait for a process that is gone: the platform's last one was killed with all it had
 * started.
 */
async function removeLocks(gitDir: string): Promise<void> {
  const top = (await readdir(gitDir)).map((name) => path.join(gitDir, name));
  const refs = await readdir(path.join(gitDir, 'refs'), { recursive: true });
  const files = [...top, ...refs.map((name) => path.join(gitDir, 'refs', name))];
  for (const file of files) if (file.endsWith('.lock')) await rm(file, { force: true });
}

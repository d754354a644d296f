import fs from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import git, { type HttpClient, type TreeEntry } from 'isomorphic-git';
import http from 'isomorphic-git/http/node';
import { committer, type WorkingTree } from './working-tree.ts';

export interface RemoteRepositoryArgs {
  /** Over HTTP, without credentials. */
  readonly url: string;
  readonly branch: string;
  /** Of the registry, from the top of the repository. */
  readonly folder: string;
  /** A user of the repository's host; hosts that know tokens alone take any. */
  readonly user: string;
  /** May read and push. Undefined: nobody is asked for one. */
  readonly token: string | undefined;
}

const requestMs = 60_000;

/**
 * The registry of a repository elsewhere, where there is no git: its newest commit is fetched into a folder of this
 * process's own, of which the registry's entries are files, and a change is pushed as a commit on top of it that differs
 * from it in those entries alone.
 */
export class RemoteRepository implements WorkingTree {
  readonly registry: string;
  readonly #dir: string;
  readonly #args: RemoteRepositoryArgs;
  #initialised = false;
  /** Commit that the files are of. */
  #head = '';

  /** @param dir folder that `pull` makes, and that goes with `close` */
  constructor(dir: string, args: RemoteRepositoryArgs) {
    this.#dir = dir;
    this.#args = args;
    this.registry = path.join(dir, args.folder);
  }

  async pull(): Promise<void> {
    if (!this.#initialised) await this.#initialise();
    const { branch } = this.#args;
    const options = { ref: branch, remote: 'origin', depth: 1, singleBranch: true, tags: false };
    const { fetchHead } = await git.fetch({ ...this.#connection, ...options });
    if (fetchHead === null) throw new Error(`${this.#args.url}: expected the branch ${branch}; it is not there`);
    this.#head = fetchHead;
    await this.#writeFiles();
  }

  async push(message: string, author: string): Promise<void> {
    const { branch } = this.#args;
    const entries = await this.#readFolder();
    const tree = await this.#commitFiles(entries);
    if (tree === undefined) return;
    const ref = `refs/heads/${branch}`;
    await git.commit({
      ...this.#place,
      ...{ message, ref, tree, parent: [this.#head] },
      author: { name: author, email: author },
      committer,
    });
    const result = await git.push({ ...this.#connection, remote: 'origin', ref: branch, remoteRef: branch });
    if (!result.ok) throw new Error(`${this.#args.url}: the push was refused`);
  }

  async close(): Promise<void> {
    await rm(this.#dir, { recursive: true, force: true });
  }

  get #place() {
    return { fs, dir: this.#dir };
  }

  get #connection() {
    const { url, user, token } = this.#args;
    return {
      ...this.#place,
      http: withDeadline,
      onAuth: () => (token === undefined ? { cancel: true } : { username: user, password: token }),
      onAuthFailure: () => {
        throw new Error(`${url}: expected a token that may read and push; it is refused`);
      },
    };
  }

  async #initialise(): Promise<void> {
    const { branch, url } = this.#args;
    await git.init({ ...this.#place, defaultBranch: branch });
    await git.addRemote({ ...this.#place, remote: 'origin', url, force: true });
    this.#initialised = true;
  }

  /** Entries of the registry's folder in the commit. */
  async #readFolder(): Promise<readonly TreeEntry[]> {
    const { tree } = await git.readTree({ ...this.#place, oid: this.#head, filepath: this.#args.folder });
    return tree;
  }

  /** Makes the files what the commit says they are. */
  async #writeFiles(): Promise<void> {
    const wanted = new Map((await this.#readFolder()).filter(isEntry).map((entry) => [entry.path, entry.oid]));
    await mkdir(this.registry, { recursive: true });
    for (const name of await readdir(this.registry))
      if (!wanted.has(name)) await rm(path.join(this.registry, name), { recursive: true, force: true });
    for (const [name, oid] of wanted) {
      const file = path.join(this.registry, name);
      const present = await readFile(file).catch(() => undefined);
      if (present !== undefined && (await git.hashBlob({ object: present })).oid === oid) continue;
      const { blob } = await git.readBlob({ ...this.#place, oid });
      await writeFile(file, blob);
    }
  }

  /** @returns the whole tree with the files in the place of the commit's entries; undefined where they are the same */
  async #commitFiles(entries: readonly TreeEntry[]): Promise<string | undefined> {
    const before = new Map(entries.filter(isEntry).map((entry) => [entry.path, entry.oid]));
    const names = (await readdir(this.registry)).filter((name) => isEntry({ path: name, type: 'blob' }));
    const after: TreeEntry[] = [];
    for (const name of names) {
      const blob = await readFile(path.join(this.registry, name));
      const oid = await git.writeBlob({ ...this.#place, blob });
      after.push({ mode: '100644', path: name, oid, type: 'blob' });
    }
    if (after.length === before.size && after.every(({ path: name, oid }) => before.get(name) === oid))
      return undefined;
    const kept = entries.filter((entry) => !isEntry(entry));
    const oid = await git.writeTree({ ...this.#place, tree: [...kept, ...after] });
    return this.#replaceFolder(this.#head, this.#args.folder.split('/'), oid);
  }

  /** @returns a tree with another one at a path below it */
  async #replaceFolder(oid: string, [name = '', ...rest]: readonly string[], folder: string): Promise<string> {
    const { tree } = await git.readTree({ ...this.#place, oid });
    const replaced = tree.map(async (entry) => {
      if (entry.path !== name) return entry;
      return { ...entry, oid: rest.length === 0 ? folder : await this.#replaceFolder(entry.oid, rest, folder) };
    });
    return git.writeTree({ ...this.#place, tree: await Promise.all(replaced) });
  }
}

/** An entry of the registry among what else lies in its folder. */
function isEntry({ path: name, type }: Pick<TreeEntry, 'path' | 'type'>): boolean {
  return type === 'blob' && name.endsWith('.yaml') && !name.startsWith('.');
}

/** HTTP whose requests end, with an answer or without. */
const withDeadline: HttpClient = {
  request: (request) => {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      const error = new Error(`${new URL(request.url).origin}: expected an answer within ${requestMs / 1000} s`);
      timer = setTimeout(() => reject(error), requestMs);
    });
    return Promise.race([http.request(request), late]).finally(() => clearTimeout(timer));
  },
};

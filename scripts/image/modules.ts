import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** Source files that a program consists of, and the packages that they import. */
export interface ProgramFiles {
  /** Paths from the top level: TypeScript, and what else lies beside it and is read at run time. */
  readonly files: readonly string[];
  /** Names of npm packages, without those that only give types. */
  readonly packages: readonly string[];
}

/** What a program reads beside its modules. */
const assets = /\.sql$/;

/**
 * Follows the imports of a program, dynamic ones with a literal and the files of its threads too.
 *
 * @param root top level of the checkout
 * @param entries files of the program, as paths from there
 */
export function collectProgram(root: string, entries: readonly string[]): ProgramFiles {
  const files = new Set<string>();
  const packages = new Set<string>();
  const visit = (file: string): void => {
    if (files.has(file)) return;
    files.add(file);
    for (const specifier of importsOf(readFileSync(path.join(root, file), 'utf8'))) {
      if (specifier.startsWith('.')) visit(path.join(path.dirname(file), specifier));
      else if (!specifier.startsWith('node:')) packages.add(packageName(specifier));
    }
  };
  for (const entry of entries) visit(entry);
  for (const folder of new Set([...files].map((file) => path.dirname(file)))) {
    for (const name of readdirSync(path.join(root, folder))) if (assets.test(name)) files.add(path.join(folder, name));
  }
  return { files: [...files].sort(), packages: [...packages].sort() };
}

function importsOf(source: string): string[] {
  const statements = source.matchAll(/^(?:import|export)\s+(type\s)?[^;']*?from\s+'([^']+)'|^import\s+'([^']+)'/gm);
  const fixed = [...statements].flatMap(([, type, from, bare]) => (type === undefined ? [from ?? bare ?? ''] : []));
  const dynamic = [...source.matchAll(/\bimport\(\s*'([^']+)'\s*\)/g)].map(([, specifier]) => specifier ?? '');
  const threads = [...source.matchAll(/\bnew URL\(\s*'(\.[^']+\.ts)',\s*import\.meta\.url\s*\)/g)].map(
    ([, specifier]) => specifier ?? '',
  );
  return [...fixed, ...dynamic, ...threads];
}

function packageName(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

/** A package as package-lock.json has it. */
export interface LockedPackage {
  readonly version: string;
  readonly integrity?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

/** Everything that package-lock.json locks, by its folder such as `node_modules/pg`. */
export function readLock(root: string): Readonly<Record<string, LockedPackage>> {
  const lock = JSON.parse(readFileSync(path.join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, LockedPackage>;
  };
  return lock.packages;
}

/**
 * Folders of packages and of all that they depend on, as Node would find them. An optional package that is not installed
 * is left out.
 *
 * @throws Error where one that is needed is not locked or not installed
 */
export function collectPackages(
  root: string,
  lock: Readonly<Record<string, LockedPackage>>,
  names: readonly string[],
): string[] {
  const folders = new Set<string>();
  const add = (name: string, from: string, optional: boolean): void => {
    const folder = resolve(lock, name, from);
    if (folder === undefined || !existsSync(path.join(root, folder, 'package.json'))) {
      if (optional) return;
      throw new Error(`${from || 'package.json'}: expected ${name} in node_modules, as package-lock.json has it`);
    }
    if (folders.has(folder)) return;
    folders.add(folder);
    const { dependencies, optionalDependencies, peerDependencies } = lock[folder] as LockedPackage;
    for (const dependency of Object.keys(dependencies ?? {})) add(dependency, folder, false);
    for (const dependency of Object.keys({ ...optionalDependencies, ...peerDependencies }))
      add(dependency, folder, true);
  };
  for (const name of names) add(name, '', false);
  return [...folders].sort();
}

function resolve(lock: Readonly<Record<string, LockedPackage>>, name: string, from: string): string | undefined {
  for (let folder = from; ; folder = parentOf(folder)) {
    const candidate = path.join(folder, 'node_modules', name);
    if (lock[candidate] !== undefined) return candidate;
    if (folder === '') return undefined;
  }
}

/** `node_modules/a` of `node_modules/a/node_modules/b`, and nothing of that. */
function parentOf(folder: string): string {
  const at = folder.lastIndexOf('node_modules/');
  return folder.slice(0, Math.max(0, at - 1));
}

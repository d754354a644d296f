import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { $ } from 'zx';
import { loadRegistry } from '../../sites/registry.ts';
import type { Site } from '../../sites/schema.ts';
import {
  listStacks,
  type Platforms,
  readStackSettings,
  type StackSettings,
  StackSettingsError,
} from '../../stacks/settings.ts';
import { UsageError } from '../command.ts';
import type { RegistryState } from '../registry/moves.ts';

/** One site that a change touches; what is missing on one side is undefined there. */
export interface SiteChange {
  readonly slug: string;
  readonly before: Site | undefined;
  readonly after: Site | undefined;
  /** Keys of the YAML whose values differ. */
  readonly keys: readonly (keyof Site)[];
}

export interface RegistryChange {
  readonly sites: readonly SiteChange[];
  /** Files outside of the registry that a stack is made of, such as components/site-route.ts: all sites may change. */
  readonly program: readonly string[];
  /** All sites and stacks, on both sides. */
  readonly before: RegistryState;
  readonly after: RegistryState;
}

/** Folder of the settings. */
const stacksDir = 'stacks';

/** What a stack is made of besides the registry; the plugin among the components works through runtime/database. */
export const programPaths = [
  'components',
  stacksDir,
  'runtime/database',
  'sites/*.ts',
  'package-lock.json',
  'Pulumi.yaml',
] as const;

/**
 * Compares the registry of the working tree with that of a commit.
 *
 * @param base any name of a commit
 * @param dir folder of the registry, relative to `root`
 * @param root top level of the checkout
 * @param now the working tree's registry and settings, where they are read already
 * @throws UsageError where git does not know it
 */
export async function compareRegistry(
  base: string,
  dir: string,
  root: string,
  now?: RegistryState,
): Promise<RegistryChange> {
  const git = $({ cwd: root, quiet: true, nothrow: true });
  const commit = (await git`git rev-parse --verify --quiet --end-of-options ${`${base}^{commit}`}`).stdout.trim();
  if (commit === '') throw new UsageError([`--base: expected a commit that git knows; got ${JSON.stringify(base)}`]);
  const changed = async (paths: readonly string[]) =>
    (await git`git diff --name-only --no-renames ${commit} -- ${paths}`).stdout.split('\n').filter(Boolean);
  const untracked = (await git`git ls-files --others --exclude-standard -- ${dir}`).stdout.split('\n').filter(Boolean);
  const files = [...new Set([...(await changed([dir])), ...untracked])].filter((file) => file.endsWith('.yaml'));

  const old = await mkdtemp(path.join(tmpdir(), 'ghost-fleet-preview-'));
  const take = async (file: string, into: string) => {
    const text = await git`git show ${`${commit}:./${file}`}`;
    if (text.exitCode === 0) await writeFile(path.join(into, path.basename(file)), text.stdout);
  };
  try {
    for (const file of files) await take(file, old);
    const earlier = (await loadRegistry(old)).sites;
    const { sites } = now ?? (await loadRegistry(path.join(root, dir)));
    const stacks = now?.stacks ?? (await readStacks(path.join(root, stacksDir)));
    const settings = path.join(old, stacksDir);
    await mkdir(settings);
    // git is asked for those alone that differ: a fleet has a hundred.
    const others = (await git`git ls-files --others -- ${stacksDir}`).stdout.split('\n');
    const differing = new Set([...(await changed([stacksDir])), ...others]);
    for (const { stack } of stacks) {
      const file = `${stacksDir}/Pulumi.${stack}.yaml`;
      if (differing.has(file)) await take(file, settings);
      else await copyFile(path.join(root, file), path.join(settings, path.basename(file)));
    }

    const before = new Map(earlier.map((site) => [site.slug, site]));
    const after = new Map(sites.map((site) => [site.slug, site]));
    const slugs = files.map((file) => path.basename(file, '.yaml')).sort();
    const unchanged = sites.filter(({ slug }) => !slugs.includes(slug));
    return {
      sites: slugs.map((slug) => compareSite(slug, before.get(slug), after.get(slug))).filter(differs),
      program: await changed(programPaths),
      before: { sites: [...unchanged, ...earlier], stacks: await readStacks(settings, stacks) },
      after: { sites, stacks },
    };
  } finally {
    await rm(old, { recursive: true });
  }
}

/**
 * Settings of the stacks of a folder.
 *
 * @param otherwise what stands for a file that does not fit the settings of today; without it that is an error
 */
async function readStacks(dir: string, otherwise?: readonly StackSettings[]): Promise<StackSettings[]> {
  const names = existsSync(dir) ? await listStacks(dir) : [];
  const platforms: Platforms = new Map();
  const read = names.map((name) =>
    readStackSettings(dir, name, platforms).catch((error: Error) => {
      const substitute = otherwise?.find(({ stack }) => stack === name);
      if (error instanceof StackSettingsError && substitute !== undefined) return substitute;
      throw error;
    }),
  );
  return Promise.all(read);
}

function differs({ before, after, keys }: SiteChange): boolean {
  return (before === undefined) !== (after === undefined) || keys.length > 0;
}

function compareSite(slug: string, before: Site | undefined, after: Site | undefined): SiteChange {
  const all = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])] as (keyof Site)[];
  const keys =
    before === undefined || after === undefined ? [] : all.filter((key) => !isDeepStrictEqual(before[key], after[key]));
  return { slug, before, after, keys };
}

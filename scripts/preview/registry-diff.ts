import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { $ } from 'zx';
import { loadRegistry } from '../../sites/registry.ts';
import type { Site } from '../../sites/schema.ts';
import { UsageError } from '../command.ts';

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
}

/** What a stack is made of besides the registry. */
const programPaths = ['components', 'stacks', 'sites/*.ts', 'package-lock.json', 'Pulumi.yaml'];

/**
 * Compares the registry of the working tree with that of a commit.
 *
 * @param base any name of a commit
 * @param dir folder of the registry, relative to `root`
 * @param root top level of the checkout
 * @throws UsageError where git does not know it
 */
export async function compareRegistry(base: string, dir: string, root: string): Promise<RegistryChange> {
  const git = $({ cwd: root, quiet: true, nothrow: true });
  const commit = (await git`git rev-parse --verify --quiet --end-of-options ${`${base}^{commit}`}`).stdout.trim();
  if (commit === '') throw new UsageError([`--base: expected a commit that git knows; got ${JSON.stringify(base)}`]);
  const changed = async (paths: readonly string[]) =>
    (await git`git diff --name-only --no-renames ${commit} -- ${paths}`).stdout.split('\n').filter(Boolean);
  const untracked = (await git`git ls-files --others --exclude-standard -- ${dir}`).stdout.split('\n').filter(Boolean);
  const files = [...new Set([...(await changed([dir])), ...untracked])].filter((file) => file.endsWith('.yaml'));

  const old = await mkdtemp(path.join(tmpdir(), 'ghost-fleet-preview-'));
  try {
    for (const file of files) {
      const text = await git`git show ${`${commit}:./${file}`}`;
      if (text.exitCode === 0) await writeFile(path.join(old, path.basename(file)), text.stdout);
    }
    const before = new Map((await loadRegistry(old)).sites.map((site) => [site.slug, site]));
    const after = new Map((await loadRegistry(path.join(root, dir))).sites.map((site) => [site.slug, site]));
    const slugs = files.map((file) => path.basename(file, '.yaml')).sort();
    return {
      sites: slugs.map((slug) => compareSite(slug, before.get(slug), after.get(slug))).filter(differs),
      program: await changed(programPaths),
    };
  } finally {
    await rm(old, { recursive: true });
  }
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

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { findCircles, findForbiddenArrows, type ImportGraph, roomOf } from '../support/import-graph.ts';

/** What each room may import beside itself and libraries. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  sites: [],
  stacks: ['components', 'sites'],
  components: ['components/provider', 'sites'],
  // A process of its own, which Pulumi's engine starts; components know its inputs by type.
  // The same, for the rules by which the engine judges a stack.
  'stacks/policy': ['components', 'components/provider'],
  'components/provider': ['runtime/database', 'sites'],
  // How every container reads what it is told.
  'runtime/environment': [],
  // What the platform signs and a site verifies.
  'runtime/sign-in': [],
  'runtime/site': ['runtime/environment', 'runtime/sign-in', 'sites'],
  'runtime/database': ['runtime/site', 'sites'],
  'runtime/platform': ['runtime/database', 'runtime/environment', 'runtime/sign-in', 'sites'],
  'runtime/backup': ['runtime/database', 'runtime/environment', 'runtime/site', 'sites'],
  'runtime/container': ['runtime/backup', 'runtime/site'],
  scripts: [
    'stacks',
    'components',
    'runtime/environment',
    'runtime/sign-in',
    'runtime/site',
    'runtime/database',
    'runtime/backup',
    'runtime/platform',
    'sites',
  ],
  test: [
    'scripts',
    'stacks',
    'stacks/policy',
    'components',
    'components/provider',
    'runtime/environment',
    'runtime/sign-in',
    'runtime/site',
    'runtime/database',
    'runtime/backup',
    'runtime/platform',
    'sites',
  ],
};

const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { encoding: 'utf8' })
  .trim()
  .split('\n');
const sources = files.filter((file) => file.endsWith('.ts') && roomOf(file) !== undefined);

/** Imports of every source file, type-only and dynamic ones included, as paths from the top level. */
const graph: ImportGraph = new Map(
  sources.map((file) => {
    const text = readFileSync(file, 'utf8');
    const specifiers = [...text.matchAll(/(?:from|import)\s*\(?\s*'(\.{1,2}\/[^']+)'/g)].map((match) => match[1] ?? '');
    return [file, specifiers.map((specifier) => path.join(path.dirname(file), specifier))];
  }),
);

describe('the rooms of this project', () => {
  it('import each other only along the arrows of the architecture', () => {
    expect(sources.length).toBeGreaterThan(50);
    expect(findForbiddenArrows(graph, allowed)).toEqual([]);
  });

  it('have no circles', () => {
    expect(findCircles(graph)).toEqual([]);
  });

  it('load single classes of the SDK for AWS: an import of one of its modules loads every class of it', () => {
    const programs = sources.filter((file) => /^(stacks|components)\//.test(file));
    const texts = programs.map((file) => readFileSync(file, 'utf8'));
    expect(texts.some((text) => text.includes("from '@pulumi/aws/rds/instance.js'"))).toBe(true);
    expect(programs.filter((_, at) => /'@pulumi\/aws(\/\w+)?(\/index\.js)?'/.test(texts[at] ?? ''))).toEqual([]);
  });

  it('are all that stands at the top level', () => {
    const folders = new Set(files.filter((file) => file.includes('/')).map((file) => file.split('/')[0] ?? ''));
    const known = ['components', 'runtime', 'scripts', 'sites', 'stacks', 'test'];
    expect([...folders].filter((folder) => !folder.startsWith('.') && !known.includes(folder))).toEqual([]);
    const loose = files.filter((file) => !file.includes('/') && !file.startsWith('.'));
    const expected = [
      'LICENSE',
      'Pulumi.yaml',
      'README.md',
      'biome.json',
      'package-lock.json',
      'package.json',
      'tsconfig.json',
      'vitest.config.ts',
    ];
    expect(loose.filter((file) => !expected.includes(file))).toEqual([]);
  });

  it('name their files after what is in them', () => {
    const names = files.map((file) => path.basename(file));
    expect(names.filter((name) => /^(utils?|helpers?|common|misc|.*-?manager)\.[a-z]+$/i.test(name))).toEqual([]);
    expect(sources.filter((file) => !/^[a-z0-9]+([-.][a-z0-9]+)*\.ts$/.test(path.basename(file)))).toEqual([]);
  });
});

describe('the check of the arrows', () => {
  it('finds an arrow that must not be, and a circle', () => {
    const bad: ImportGraph = new Map([
      ['sites/a.ts', ['runtime/site/b.ts']],
      ['runtime/site/b.ts', ['sites/a.ts']],
      ['scripts/c.ts', ['sites/a.ts']],
    ]);
    expect(findForbiddenArrows(bad, allowed)).toEqual(['sites/a.ts → runtime/site/b.ts']);
    expect(findCircles(bad)).toEqual([['sites/a.ts', 'runtime/site/b.ts', 'sites/a.ts']]);
  });
});

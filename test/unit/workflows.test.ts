import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { programPaths } from '../../scripts/preview/registry-diff.ts';
import { commentMarker } from '../../scripts/preview/render.ts';
import { lintWorkflow } from '../support/workflow-lint.ts';

const root = path.resolve('.');
const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };
const files = [
  ...readdirSync('.github/workflows').map((name) => `.github/workflows/${name}`),
  ...readdirSync('.github/actions').map((name) => `.github/actions/${name}/action.yml`),
];

interface Workflow {
  readonly on: Readonly<Record<string, { readonly paths?: readonly string[] }>>;
  readonly jobs: Readonly<Record<string, { readonly steps: readonly { readonly run?: string }[] }>>;
}

const read = (name: string) => readFileSync(`.github/workflows/${name}.yml`, 'utf8');
const workflow = (name: string) => parse(read(name)) as Workflow;
const runsOf = (name: string, job: string) => workflow(name).jobs[job]?.steps.flatMap(({ run }) => run ?? []) ?? [];

describe('the workflows', () => {
  it.each(files)('%s can be run', (file) => {
    expect(lintWorkflow(readFileSync(file, 'utf8'), root, Object.keys(scripts))).toEqual([]);
  });

  it('watch the registry and all that a stack is made of', () => {
    const own = programPaths.map((name) => (name.includes('*') || path.extname(name) !== '' ? name : `${name}/**`));
    // The registry's folder holds sites/*.ts as well.
    const expected = ['sites/**', ...own.filter((name) => !name.startsWith('sites/'))].sort();
    for (const [name, event] of [['preview', 'pull_request'] as const, ['deploy', 'push'] as const]) {
      expect([...(workflow(name).on[event]?.paths ?? [])].sort()).toEqual(expected);
    }
  });

  it('find the comment of a preview by its first line, also where there is no preview', () => {
    expect(read('preview').split(`'${commentMarker}'`).length - 1).toBe(2);
  });

  it.each([
    ['deploy', 'up'],
    ['drift', 'drift'],
  ])('%s touches nothing before it has a backend and has found no drift', (name, job) => {
    const [backend, refresh, ...others] = runsOf(name, job);
    expect(backend).toContain('test -n "$PULUMI_BACKEND_URL$PULUMI_ACCESS_TOKEN"');
    expect(refresh).toMatch(/refresh .*--preview-only --expect-no-changes/);
    expect(others.length).toBe(1);
  });
});

describe('the check of the workflows', () => {
  it('names everything that is wrong at once', () => {
    const bad = `
on: push
jobs:
  test:
    runs-on: ubuntu-24.04
    steps:
      - uses: actions/checkout@v4
      - uses: ./.github/actions/nowhere
      - run: npm run --silent nothing -- \${{ github.event.pull_request.title }}
      - run: if true; then echo
      - run: exit \${{ steps.missing.outputs.status }}
`;
    expect(lintWorkflow(bad, root, ['check'])).toEqual([
      'permissions: expected what the token may do; got nothing, which may be everything',
      'test: expected timeout-minutes; got nothing',
      'test: expected a step missing; got none',
      'test: actions/checkout@v4: expected a commit of 40 digits; got a name',
      'test: ./.github/actions/nowhere: expected action.yml in it; got none',
      'test: npm run nothing: expected a script of package.json',
      'test: github.event.pull_request.title: expected a variable; got text of the script',
      expect.stringMatching(/^test: bash: .*syntax error/),
      '- uses: actions/checkout@v4: expected its release',
    ]);
  });

  it('does not read what is no YAML, or says a key twice', () => {
    expect(lintWorkflow('jobs: [', root, [])).not.toEqual([]);
    expect(lintWorkflow('jobs: {}\njobs: {}\n', root, [])).toEqual([expect.stringMatching(/unique/)]);
  });
});

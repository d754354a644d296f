import { describe, expect, it } from 'vitest';
import {
  commentMarker,
  isAtRisk,
  type Preview,
  renderMarkdown,
  renderStack,
  renderTerminal,
} from '../../../scripts/preview/render.ts';
import { describeStep, refusalsOf, riskOf } from '../../../scripts/preview/resource-diff.ts';

const preview: Preview = {
  base: 'main',
  program: [],
  stories: [
    {
      slug: 'aurora',
      what: 'created',
      creators: ['mira@example.com'],
      sentences: ['Answers at aurora.example.org.'],
      risk: undefined,
      refused: false,
      shards: [undefined],
    },
  ],
  stacks: [
    {
      stack: 'production',
      unchanged: 40,
      steps: [
        {
          op: 'create',
          type: 'kubernetes:apps/v1:Deployment',
          name: 'aurora-deployment',
          site: 'aurora',
          properties: [],
          risk: undefined,
        },
        {
          op: 'replace',
          type: 'fleet:index:SiteDatabase',
          name: 'aurora-database',
          site: 'aurora',
          properties: ['cluster'],
          risk: 'is replaced: its data would be left behind',
        },
      ],
    },
    { stack: 'dev', missing: 'the backend has no such stack' },
  ],
};

describe('a preview', () => {
  it('begins with the mark by which its comment is found, and puts the risk into the headline', () => {
    const [mark, headline] = renderMarkdown(preview).split('\n');
    expect(mark).toBe(commentMarker);
    expect(headline).toBe('## One site: 1 created; DATA AT RISK in 1 resources');
  });

  it('counts the steps, names what is at risk and says why a stack has no resource diff', () => {
    const text = renderMarkdown(preview);
    expect(text).toContain('### Stack `production`: 1 to create, 1 to replace, 40 unchanged');
    expect(text).toContain('- **Data at risk:** `fleet:index:SiteDatabase` `aurora-database` is replaced');
    expect(text).toContain('+ aurora Deployment aurora-deployment\n± aurora SiteDatabase aurora-database [cluster]');
    expect(text).toContain('No resource diff: the backend has no such stack.');
  });

  it('is the same without markup on a terminal', () => {
    const text = renderTerminal(preview);
    expect(text).not.toMatch(/[`*<]|^#/m);
    expect(text).toContain('One site: 1 created');
    expect(text).toContain('± aurora SiteDatabase aurora-database [cluster]');
  });

  it('of one stack says nothing of the registry, with which it was not compared', () => {
    const text = renderStack({ stack: 'dev', steps: [], unchanged: 7 });
    expect(text.trim()).toBe('Stack dev: no change, 7 unchanged');
  });

  it('says what is refused, in the headline, by stack, and by its exit code', () => {
    const reason = 'expected "database", since the data is there; got "sqlite"';
    const refused: Preview = { ...preview, stacks: [{ stack: 'staging', refused: [reason] }] };
    const text = renderMarkdown(refused);
    expect(text).toContain('## One site: 1 created; REFUSED: data would stay behind');
    expect(text).toContain(`### Stack \`staging\`: refused\n\n- **Data at risk:** ${reason}`);
    const [story] = preview.stories;
    const byRegistry = story === undefined ? [] : [{ ...story, refused: true }];
    expect([refused, preview, { ...preview, stories: byRegistry, stacks: [] }].map(isAtRisk)).toEqual([
      true,
      true,
      true,
    ]);
    expect(isAtRisk({ ...preview, stacks: [{ stack: 'dev', missing: 'no state' }] })).toBe(false);
  });

  it('takes for refused what a resource that holds data says, and no other error', () => {
    const said = (type: string, severity: 'error' | 'warning') =>
      refusalsOf({
        diagnosticEvent: {
          urn: `urn:pulumi:dev::ghost-fleet::ghost-fleet:components:CreatorSite$${type}::aurora-placement`,
          message: '<{%reset%}>property strategy has a problem<{%reset%}>\n',
          severity,
        },
      } as Parameters<typeof refusalsOf>[0]);
    expect(said('fleet:index:Placement', 'error')).toEqual(['property strategy has a problem']);
    expect(said('fleet:index:Placement', 'warning')).toEqual([]);
    expect(said('kubernetes:core/v1:Secret', 'error')).toEqual([]);
    expect(refusalsOf({})).toEqual([]);
  });

  it('tells what stays when its site goes from what is deleted', () => {
    const step = (name: string, retainOnDelete: boolean) =>
      describeStep(
        {
          op: 'delete',
          type: 'kubernetes:core/v1:PersistentVolumeClaim',
          urn: `urn:pulumi:dev::ghost-fleet::kubernetes:core/v1:PersistentVolumeClaim::${name}`,
          old: { retainOnDelete },
        } as Parameters<typeof describeStep>[0],
        new Map(),
        new Set(),
      );
    const steps = [step('kept', true), step('gone', false)];
    const text = renderStack({ stack: 'dev', steps, unchanged: 0 });
    expect(text).toContain('1 to retain, 1 to delete');
    expect(text).toContain('= platform PersistentVolumeClaim kept\n- platform PersistentVolumeClaim gone');
    expect(steps.map(({ risk }) => risk)).toEqual([undefined, 'is deleted with its data']);
  });
});

describe('data is at risk', () => {
  const volume = 'kubernetes:core/v1:PersistentVolumeClaim';
  const old = (retainOnDelete: boolean) => ({ retainOnDelete }) as NonNullable<Parameters<typeof riskOf>[0]['old']>;

  it('where a volume, database or bucket is replaced, or deleted and not retained', () => {
    expect(riskOf({ op: 'replace', type: volume }, true)).toMatch(/replaced/);
    expect(riskOf({ op: 'delete', type: volume, old: old(false) }, false)).toMatch(/deleted/);
  });

  it('where a volume or database is kept and its site goes on without it', () => {
    for (const type of [volume, 'fleet:index:SiteDatabase']) {
      expect(riskOf({ op: 'delete', type, old: old(true) }, true)).toMatch(/left behind/);
    }
    const urn = (type: string, name: string) => `urn:pulumi:dev::ghost-fleet::${type}::${name}`;
    const site = urn('ghost-fleet:components:CreatorSite', 'aurora');
    const kept = urn(`ghost-fleet:components:CreatorSite$${volume}`, 'aurora-content');
    const step = { op: 'delete', type: volume, urn: kept, old: { retainOnDelete: true } };
    const told = (staying: string[]) =>
      describeStep(step as Parameters<typeof describeStep>[0], new Map([[kept, site]]), new Set(staying));
    expect(told(['aurora'])).toMatchObject({
      op: 'retain',
      site: 'aurora',
      risk: expect.stringMatching(/left behind/),
    });
    expect(told(['borealis'])).toMatchObject({ op: 'retain', risk: undefined });
  });

  it('nowhere else', () => {
    expect(riskOf({ op: 'delete', type: volume, old: old(true) }, false)).toBeUndefined();
    expect(riskOf({ op: 'update', type: volume }, true)).toBeUndefined();
    expect(riskOf({ op: 'replace', type: 'kubernetes:apps/v1:Deployment' }, true)).toBeUndefined();
  });
});

import { describe, expect, it } from 'vitest';
import {
  commentMarker,
  type Preview,
  renderMarkdown,
  renderStack,
  renderTerminal,
} from '../../../scripts/preview/render.ts';
import { describeStep, riskOf } from '../../../scripts/preview/resource-diff.ts';

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
    expect(riskOf({ op: 'replace', type: volume })).toMatch(/replaced/);
    expect(riskOf({ op: 'delete', type: volume, old: old(false) })).toMatch(/deleted/);
  });

  it('nowhere else', () => {
    expect(riskOf({ op: 'delete', type: volume, old: old(true) })).toBeUndefined();
    expect(riskOf({ op: 'update', type: volume })).toBeUndefined();
    expect(riskOf({ op: 'replace', type: 'kubernetes:apps/v1:Deployment' })).toBeUndefined();
  });
});

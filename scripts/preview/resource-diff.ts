import type { EngineEvent, StepEventMetadata } from '@pulumi/pulumi/automation/events.js';
import type { Stack } from '@pulumi/pulumi/automation/index.js';
import type { EngineEnvironment } from '../engine/environment.ts';
import { whileEngineRuns } from '../engine/program.ts';
import { openStack } from '../engine/stack.ts';

/** One step that the engine would take. */
export interface ResourceStep {
  /** The engine's word for it; `retain` where it only forgets the resource, and the object stays. */
  readonly op: string;
  readonly type: string;
  readonly name: string;
  /** Site that it belongs to; none for the platform. */
  readonly site: string | undefined;
  /** Properties that differ. */
  readonly properties: readonly string[];
  /** What would be lost; undefined where nothing is. */
  readonly risk: string | undefined;
}

/** What a stack's preview found, why it is refused, or why there is none. */
export type StackDiff =
  | { readonly stack: string; readonly steps: readonly ResourceStep[]; readonly unchanged: number }
  | { readonly stack: string; readonly refused: readonly string[] }
  | { readonly stack: string; readonly missing: string };

/** Types whose objects hold what nobody can make again. */
const dataTypes = [
  'kubernetes:core/v1:PersistentVolumeClaim',
  'fleet:index:SiteDatabase',
  'fleet:index:Database',
  'aws:rds/instance:Instance',
  'aws:s3/bucket:Bucket',
  'kubernetes:postgresql.cnpg.io/v1:Cluster',
  'kubernetes:apps/v1:StatefulSet',
];

/** Types that refuse at preview what would leave data behind. */
const refusingTypes = ['fleet:index:Placement', 'fleet:index:SiteDatabase', 'fleet:index:Role'];

/**
 * Previews a stack on the real engine, by the program of Pulumi.yaml.
 *
 * @returns the steps, or what of it is refused, or why nothing is known: no state yet, no cluster, a secret that is not
 *   here
 */
export async function previewStack(root: string, stack: string, environment: EngineEnvironment): Promise<StackDiff> {
  try {
    return await previewOpened(await openStack(root, stack, environment, 'fail'));
  } catch (error) {
    return { stack, missing: reasonOf(error as Error) };
  }
}

/** The same for a stack that is open. */
export async function previewOpened(handle: Stack): Promise<StackDiff> {
  const stack = handle.name;
  const steps: StepEventMetadata[] = [];
  const refused: string[] = [];
  const collect = (event: EngineEvent) => {
    if (event.resourcePreEvent !== undefined) steps.push(event.resourcePreEvent.metadata);
    refused.push(...refusalsOf(event));
  };
  try {
    await whileEngineRuns((signal) => handle.preview({ onEvent: collect, color: 'never', signal }));
  } catch (error) {
    if (refused.length > 0) return { stack, refused };
    return { stack, missing: reasonOf(error as Error) };
  }
  const relevant = steps.filter(
    ({ type, op }) => op !== 'read' && !type.startsWith('pulumi:') && !type.startsWith('ghost-fleet:'),
  );
  const parents = parentsOf(steps);
  const leaving = ['delete', 'remove'];
  const staying = new Set(steps.filter(({ op }) => !leaving.includes(op)).map(({ urn }) => siteOf(urn, parents)));
  return {
    stack,
    steps: relevant
      .filter(({ op }) => op !== 'same')
      .map((step) => describeStep(step, parents, staying))
      .sort((a, b) => keyOf(a).localeCompare(keyOf(b))),
    unchanged: relevant.filter(({ op }) => op === 'same').length,
  };
}

/** Sites in the order of their slugs, the platform last. */
function keyOf({ site, name, type }: ResourceStep): string {
  return `${site ?? '~'} ${name} ${type}`;
}

/** What an event says is refused. */
export function refusalsOf({ diagnosticEvent: said }: Pick<EngineEvent, 'diagnosticEvent'>): string[] {
  if (said === undefined || said.severity !== 'error') return [];
  const type = said.urn?.split('::')[2]?.split('$').at(-1) ?? '';
  return refusingTypes.includes(type) ? [said.message.replaceAll(/<\{%[^%]*%\}>/g, '').trim()] : [];
}

/**
 * A step in this project's words.
 *
 * @param staying sites that are there afterwards
 */
export function describeStep(
  step: StepEventMetadata,
  parents: ReadonlyMap<string, string>,
  staying: ReadonlySet<string | undefined>,
): ResourceStep {
  const site = siteOf(step.urn, parents);
  const properties = Object.keys(step.detailedDiff ?? {});
  return {
    op: step.op === 'delete' && step.old?.retainOnDelete === true ? 'retain' : step.op,
    type: step.type,
    name: step.urn.split('::').at(-1) ?? '',
    site,
    properties: properties.length > 0 ? properties : (step.diffs ?? []),
    risk: riskOf(step, site !== undefined && staying.has(site)),
  };
}

/**
 * A replace of what holds data loses it, a delete does unless the object is retained; and what is retained is lost to its
 * site where that goes on without it.
 */
export function riskOf(
  { op, type, old }: Pick<StepEventMetadata, 'op' | 'type' | 'old'>,
  siteStays: boolean,
): string | undefined {
  if (!dataTypes.includes(type)) return undefined;
  if (['replace', 'create-replacement', 'delete-replaced'].includes(op))
    return 'is replaced: its data would be left behind';
  if (op !== 'delete') return undefined;
  if (old?.retainOnDelete !== true) return 'is deleted with its data';
  return siteStays ? 'is left behind with its data: its site goes on without it' : undefined;
}

function parentsOf(steps: readonly StepEventMetadata[]): Map<string, string> {
  return new Map(
    steps.flatMap(({ urn, new: after, old }) => {
      const parent = after?.parent ?? old?.parent;
      return parent === undefined ? [] : [[urn, parent] as const];
    }),
  );
}

function siteOf(urn: string, parents: ReadonlyMap<string, string>): string | undefined {
  for (let at: string | undefined = urn; at !== undefined; at = parents.get(at)) {
    if (/ghost-fleet:components:CreatorSite::[^:]+$/.test(at)) return at.split('::').at(-1);
  }
  return undefined;
}

/** The line that says what is wrong, without the engine's decoration around it. */
function reasonOf(error: Error): string {
  if (/no stack named/.test(error.message))
    return 'the backend has no such stack: nothing was deployed yet, or its state is elsewhere';
  const lines = error.message.split('\n').map((line) => line.trim());
  const told = lines.filter((line) =>
    /^error: |: error: |expected .*; got |ECONNREFUSED|no cluster|kubeconfig/i.test(line),
  );
  return (told.length > 0 ? told.slice(0, 5) : lines.filter(Boolean).slice(0, 3)).join(' / ');
}

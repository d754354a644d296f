import type { Site } from '../../sites/schema.ts';
import { type Residence, residenceOf } from '../../stacks/placement.ts';
import type { StackSettings } from '../../stacks/settings.ts';

/** The registry and the settings of the stacks, as they stand or stood. */
export interface RegistryState {
  readonly sites: readonly Site[];
  readonly stacks: readonly StackSettings[];
}

/** A site whose data would stay where it is while the site starts empty elsewhere. */
export interface Move {
  readonly slug: string;
  /** Stacks in which it is so: those of platforms, whose shards have their settings. */
  readonly stacks: readonly string[];
  readonly from: string;
  readonly to: string;
}

/**
 * The sites that are in the registry before and after, and would find their data in another strategy or cluster: by their
 * YAML, or by the settings of a stack that they follow.
 */
export function findMoves(before: RegistryState, after: RegistryState): Move[] {
  const known = new Map(before.sites.map((site) => [site.slug, site]));
  const found = after.stacks.flatMap((settings) => {
    const earlier = before.stacks.find(({ stack }) => stack === settings.stack);
    if (settings.shard !== undefined || earlier === undefined) return [];
    return after.sites.flatMap((site) => {
      const old = known.get(site.slug);
      if (old === undefined) return [];
      const [from, to] = [describeResidence(residenceOf(old, earlier)), describeResidence(residenceOf(site, settings))];
      return from === to ? [] : [{ slug: site.slug, stack: settings.stack, from, to }];
    });
  });
  const byPath = Map.groupBy(found, ({ slug, from, to }) => `${slug} ${from} ${to}`);
  return [...byPath.values()].flatMap(([first, ...others]) =>
    first === undefined
      ? []
      : [{ slug: first.slug, from: first.from, to: first.to, stacks: [first, ...others].map(({ stack }) => stack) }],
  );
}

function describeResidence({ strategy, cluster }: Residence): string {
  return strategy === 'sqlite' ? 'its SQLite file' : `a ${strategy} of ${cluster ?? 'no cluster'}`;
}

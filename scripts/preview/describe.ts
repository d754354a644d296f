import { dataMoveRemedy } from '../../sites/data-move.ts';
import { type Plan, plans } from '../../sites/plans.ts';
import type { Site } from '../../sites/schema.ts';
import { findMoves, type Move } from '../registry/moves.ts';
import type { RegistryChange, SiteChange } from './registry-diff.ts';

/** What a change means for one site, in plain words. */
export interface SiteStory {
  readonly slug: string;
  readonly what: 'created' | 'changed' | 'moved' | 'taken offline';
  readonly creators: readonly string[];
  /** One sentence a line. */
  readonly sentences: readonly string[];
  /** Something that cannot be undone, or that is refused; undefined where data is safe. */
  readonly risk: string | undefined;
  /** Whether the change is refused: the site's data would stay behind. */
  readonly refused: boolean;
  /** Stacks that the site lives in, before and after. */
  readonly shards: readonly (number | undefined)[];
}

/** Tells the stories of a change, one for each site that its YAML or the settings of a stack touch. */
export function tellStories(change: RegistryChange): SiteStory[] {
  const moves = Map.groupBy(findMoves(change.before, change.after), ({ slug }) => slug);
  const told = new Set(change.sites.map(({ slug }) => slug));
  // A site that follows its stack moves with it, and its own YAML says nothing.
  const followers = change.after.sites
    .filter(({ slug }) => moves.has(slug) && !told.has(slug))
    .map((site): SiteChange => ({ slug: site.slug, before: site, after: site, keys: [] }));
  return [...change.sites, ...followers].map((site) => tellStory(site, moves.get(site.slug) ?? []));
}

function tellStory({ slug, before, after, keys }: SiteChange, moves: readonly Move[]): SiteStory {
  const creators = [...new Set([before?.creator, after?.creator].flatMap((creator) => creator ?? []))];
  const shards = [...new Set([...(before ? [before.shard] : []), ...(after ? [after.shard] : [])])];
  const story = { slug, creators, shards, refused: moves.length > 0, risk: undefined };
  if (after === undefined) {
    const sentences = [
      `${before?.domains.join(', ') ?? slug} stop answering.`,
      'Database, role, volume and media are kept; the same YAML brings the site back with them. Only `npm run site:erase` deletes them.',
    ];
    return { ...story, what: 'taken offline', sentences };
  }
  if (before === undefined) {
    const sentences = [
      `Answers at ${after.domains[0]}${after.domains.length > 1 ? `, with redirects from ${after.domains.slice(1).join(', ')}` : ''}.`,
      `${describePlan(after)}.`,
      'Takes up the data of an earlier site of this slug, where there is any.',
    ];
    return { ...story, what: 'created', sentences };
  }
  const sentences = [
    ...keys.map((key) => sentenceOf(key, before, after)),
    ...moves.map(({ stacks, from, to }) => `In ${stacks.join(', ')}: from ${from} to ${to}.`),
  ];
  const risk = riskOf(before, after, moves);
  const moved = moves.length > 0 || keys.includes('shard');
  return { ...story, what: moved ? 'moved' : 'changed', sentences, risk };
}

function riskOf(before: Site, after: Site, moves: readonly Move[]): string | undefined {
  if (moves.length > 0) return `Refused: the site would start empty, ${dataMoveRemedy}.`;
  if (before.shard === after.shard) return undefined;
  return 'Another shard means another stack: the old one lets go of the site and keeps its data, the new one adopts it. Run the old stack first, or both have it.';
}

function sentenceOf(key: keyof Site, before: Site, after: Site): string {
  switch (key) {
    case 'plan':
      return `Plan ${before.plan} becomes ${describePlan(after)} (${difference(before, after)} a month).`;
    case 'domains':
      return domainSentence(before.domains, after.domains);
    case 'state':
      return after.state === 'active'
        ? 'Serves again.'
        : `Is ${after.state}: a maintenance page with 503; everything is kept.`;
    case 'creator':
      return `Goes from ${before.creator} to ${after.creator}.`;
    case 'title':
      return 'The title seeds the first boot only: Ghost Admin keeps what it has.';
    case 'theme':
      return 'The theme seeds the first boot only: Ghost Admin keeps what it has.';
    case 'scaling':
      return `Runs with ${after.scaling?.min ?? 1} to ${after.scaling?.max ?? 1} pods${(after.scaling?.max ?? 1) > 1 ? '; a change in Ghost Admin reaches one pod at once and the others when they restart' : ''}.`;
    default:
      return `\`${key}\`: ${show(before[key])} → ${show(after[key])}.`;
  }
}

function domainSentence(before: readonly string[], after: readonly string[]): string {
  const added = after.filter((domain) => !before.includes(domain));
  const gone = before.filter((domain) => !after.includes(domain));
  return [
    before[0] === after[0] ? '' : `The canonical host becomes ${after[0]} (was ${before[0]}).`,
    added.length === 0 ? '' : `New: ${added.join(', ')}.`,
    gone.length === 0 ? '' : `No longer answered: ${gone.join(', ')}.`,
    before[0] === after[0] && added.length + gone.length === 0 ? 'The order of the other hosts changes.' : '',
  ]
    .filter(Boolean)
    .join(' ');
}

function describePlan({ plan }: Site): string {
  const { title, monthlyPrice, quotas } = plans[plan];
  return `Plan ${title}, ${money(monthlyPrice.amount, monthlyPrice.currency)} a month, ${quotas.storageGiB} GiB`;
}

function difference(before: Site, after: Site): string {
  const [from, to]: [Plan, Plan] = [plans[before.plan], plans[after.plan]];
  const amount = to.monthlyPrice.amount - from.monthlyPrice.amount;
  return `${amount < 0 ? '−' : '+'}${money(Math.abs(amount), to.monthlyPrice.currency)}`;
}

function money(amount: number, currency: string): string {
  return `${Math.trunc(amount / 100)}.${String(amount % 100).padStart(2, '0')} ${currency}`;
}

function show(value: unknown): string {
  return value === undefined ? 'nothing' : `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;
}

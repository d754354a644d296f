import type { DatabaseStrategy } from '../sites/naming.ts';
import { plans } from '../sites/plans.ts';
import type { RegistryProblem } from '../sites/registry.ts';
import type { Site } from '../sites/schema.ts';
import type { ClusterConfig } from './schema.ts';
import type { StackSettings } from './settings.ts';

/** Where a site of this stack lives. */
export interface Placement {
  readonly site: Site;
  readonly strategy: DatabaseStrategy;
  /** Cluster of its data; none for SQLite. */
  readonly cluster: ClusterConfig | undefined;
  readonly image: string;
  /** Whether it gets an index, by its YAML or its plan. */
  readonly search: boolean;
}

/** Where a site's data lies. */
export interface Residence {
  readonly strategy: DatabaseStrategy;
  /** Name of the cluster; none for SQLite, and where the settings have none that fits. */
  readonly cluster: string | undefined;
}

/** Where a site's data lies by the settings of a stack. */
export function residenceOf(site: Site, settings: StackSettings): Residence {
  const strategy = site.database?.strategy ?? settings.databaseStrategy;
  return { strategy, cluster: strategy === 'sqlite' ? undefined : findCluster(site, settings)?.name };
}

/** The sites that live in this stack: a shard has its own, a platform's stack has those without a shard, or all. */
export function sitesOfStack(sites: readonly Site[], settings: Pick<StackSettings, 'shard' | 'shards'>): Site[] {
  if (settings.shard !== undefined) return sites.filter((site) => site.shard === settings.shard);
  return settings.shards === 0 ? [...sites] : sites.filter((site) => site.shard === undefined);
}

/**
 * Places every site of the registry that this stack holds.
 *
 * @param dir folder of the registry, for the problems
 * @returns placements of those sites that fit, and every problem of the others
 */
export function placeSites(
  sites: readonly Site[],
  settings: StackSettings,
  dir: string,
): { readonly placements: readonly Placement[]; readonly problems: readonly RegistryProblem[] } {
  const problems: RegistryProblem[] = [];
  const placements: Placement[] = [];
  for (const site of sites) {
    if (site.shard === undefined || settings.shards === 0 || site.shard < settings.shards) continue;
    problems.push(problem(dir, site, 'shard', `a number below ${settings.shards}`, String(site.shard)));
  }
  for (const site of sitesOfStack(sites, settings)) {
    const before = problems.length;
    const placement = placeSite(site, settings, (path, expected, got) =>
      problems.push(problem(dir, site, path, expected, got)),
    );
    if (problems.length === before) placements.push(placement);
  }
  const searched = placements.filter((placement) => placement.search).length;
  const room = (settings.search?.instances ?? 0) * (settings.search?.sitesPerInstance ?? 0);
  if (settings.search !== undefined && settings.shard === undefined && searched > room) {
    const needed = Math.ceil(searched / settings.search.sitesPerInstance);
    problems.push({
      file: `Pulumi.${settings.stack}.yaml`,
      line: 1,
      path: 'search.instances',
      expected: `at least ${needed} for ${searched} sites with search`,
      got: String(settings.search.instances),
    });
  }
  return { placements, problems };
}

type Report = (path: string, expected: string, got: string) => void;

function placeSite(site: Site, settings: StackSettings, report: Report): Placement {
  const { strategy } = residenceOf(site, settings);
  const cluster = strategy === 'sqlite' ? undefined : chooseCluster(site, settings, report);
  if (strategy === 'sqlite' && (site.scaling?.max ?? 1) > 1) {
    report(
      'scaling.max',
      `1 in the stack ${settings.stack}, where only one process can write a SQLite file`,
      String(site.scaling?.max),
    );
  } else if (settings.media.kind === 'volume' && (site.scaling?.max ?? 1) > 1) {
    report(
      'scaling.max',
      `1 in the stack ${settings.stack}, where media lie on a volume of one pod`,
      String(site.scaling?.max),
    );
  }
  const search = settings.search !== undefined && (site.search ?? plans[site.plan].search);
  return { site, strategy, cluster, image: chooseImage(site, settings, report), search };
}

function chooseCluster(site: Site, settings: StackSettings, report: Report): ClusterConfig | undefined {
  const { clusters, stack } = settings;
  if (clusters.length === 0) {
    report(
      'database.strategy',
      `sqlite in the stack ${stack}, which has no clusters`,
      site.database?.strategy ?? 'none',
    );
    return undefined;
  }
  const named = site.database?.cluster;
  const found = findCluster(site, settings);
  if (found === undefined && named !== undefined) {
    report('database.cluster', `one of ${clusters.map((cluster) => cluster.name).join(', ')}`, named);
  } else if (found === undefined) {
    const regions = [...new Set(clusters.map((cluster) => cluster.region))];
    report(
      'region',
      `one of ${regions.join(', ')}, where the stack ${stack} has a cluster`,
      site.region ?? settings.region,
    );
  }
  return found;
}

/** The cluster that a site names, else the first of its region. */
function findCluster(site: Site, { clusters, region }: StackSettings): ClusterConfig | undefined {
  const named = site.database?.cluster;
  const wanted = site.region ?? region;
  return clusters.find((cluster) => (named === undefined ? cluster.region === wanted : cluster.name === named));
}

function chooseImage(site: Site, { images, ghostVersion, stack }: StackSettings, report: Report): string {
  if (typeof images.site === 'string') {
    if (site.ghost !== undefined) {
      report('ghost.version', `none in the stack ${stack}, whose images.site is one image`, site.ghost.version);
    }
    return images.site;
  }
  const version = site.ghost?.version ?? ghostVersion ?? 'none';
  const image = images.site[version];
  if (image === undefined) report('ghost.version', `one of ${Object.keys(images.site).join(', ')}`, version);
  return image ?? '';
}

function problem(dir: string, site: Site, path: string, expected: string, got: string): RegistryProblem {
  return { file: `${dir}/${site.slug}.yaml`, line: 1, path, expected, got };
}

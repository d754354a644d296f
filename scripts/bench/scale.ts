import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { UsageError } from '../command.ts';
import { stopWhenInterrupted } from './interruption.ts';
import { printTable, spreadOf } from './measure.ts';
import { type ChangeCost, measureChange, measureUp } from './preview/checkout.ts';
import { type BenchSite, sitesInShards } from './preview/registry.ts';
import { createShard, createStand, type Stand } from './preview/stand.ts';
import type { CommandCost } from './process-tree.ts';
import { type Reading, readCluster } from './scale/readings.ts';

const usage = `usage: npm run bench -- scale [option ...]

A fleet from nothing: every shard by pulumi up, on a real Kubernetes API with all its controllers and a scheduler, whose
nodes are kwok's and run nothing, and on a real PostgreSQL. Prints what an up costs in time, memory and requests as the
fleet grows, then what one site's change costs in the whole of it. A thousand sites take about half an hour and 10 GB of
the disk.

Exits 1 where a site has no pod Running at the end, or where the last tenth of the shards costs more than 1.5 times the CPU
of the first.

  --sites <n>       default 1000
  --shard-size <n>  sites of a shard; default 10
  --rounds <n>      changes of one site at the end, 0 for none; default 3`;

/** At most so many times what the first sites cost. */
const allowedRatio = 1.5;
const sitesOnNode = 50;
/** Rows of the table. */
const rows = 10;
/** All that Kubernetes runs by default. No schedule comes due in between: that would be another measurement. */
const controllers = ['*', '-cronjob-controller'];

interface Options {
  readonly sites: number;
  readonly shardSize: number;
  readonly rounds: number;
}

/** What one shard's first `up` cost, and how the cluster stands afterwards. */
interface ShardCost {
  readonly up: CommandCost;
  readonly before: Reading;
  readonly after: Reading;
}

export async function run(args: readonly string[]): Promise<number> {
  const options = readOptions(args);
  if (options === undefined) {
    console.log(usage);
    return 0;
  }
  const dir = await mkdtemp(path.join(tmpdir(), 'ghost-fleet-bench-'));
  let stand: Stand | undefined;
  const stop = async () => {
    await stand?.stop();
    await rm(dir, { recursive: true, force: true, maxRetries: 5 });
  };
  const forget = stopWhenInterrupted(stop);
  try {
    const nodes = Math.ceil(options.sites / sitesOnNode);
    console.error(`deploying the platform on a cluster of ${nodes} fake nodes`);
    stand = await createStand(dir, sitesInShards(options.sites, options.shardSize), { controllers, nodes });
    const platform = await readCluster(stand);
    const shards = await deployShards(stand, options);
    const changes = await changeOneSite(stand, options);
    return report(options, nodes, platform, shards, changes);
  } finally {
    forget();
    await stop();
  }
}

async function deployShards(stand: Stand, { sites, shardSize }: Options): Promise<ShardCost[]> {
  const costs: ShardCost[] = [];
  let before = await readCluster(stand);
  for (const shard of stand.shards) {
    const up = await measureUp(stand.checkout, await createShard(stand.checkout, shard));
    const after = await readCluster(stand);
    costs.push({ up, before, after });
    before = after;
    const there = Math.min(sites, (shard + 1) * shardSize);
    console.error(`deployed: ${there} of ${sites} sites, the last shard in ${up.wall.toFixed(1)} s`);
  }
  return costs;
}

/** Another plan for a site of the last shard, to and fro. */
async function changeOneSite(stand: Stand, { rounds, sites }: Options): Promise<ChangeCost[]> {
  const costs: ChangeCost[] = [];
  let deployed: BenchSite = { slug: `bench-${sites - 1}`, shard: stand.shards.at(-1) ?? 0 };
  for (let round = 0; round < rounds; round += 1) {
    const wanted: BenchSite = { ...deployed, plan: deployed.plan === 'starter' ? 'studio' : 'starter' };
    costs.push(await measureChange(stand.checkout, deployed, wanted));
    deployed = wanted;
    console.error(`changed one site: round ${round + 1} of ${rounds}`);
  }
  return costs;
}

function report(
  { sites, shardSize, rounds }: Options,
  nodes: number,
  platform: Reading,
  shards: readonly ShardCost[],
  changes: readonly ChangeCost[],
): number {
  console.log(
    `settings: strategy database on one PostgreSQL server, media by S3's protocol, routes of the Gateway API, monitoring; shards of ${shardSize} sites, deployed one after the other; ${nodes} nodes of kwok's; all controllers of Kubernetes but that of CronJobs; a row is the median of its shards, memory is that at its end`,
  );
  const groups = inGroups(shards);
  printTable(
    [
      'sites',
      'up of a shard, wall (s)',
      'CPU (s)',
      'engine MiB',
      'program MiB',
      'requests a site',
      'applied',
      'API server MiB',
      'etcd MiB',
      'controllers MiB',
      'store MiB',
      'pods Running',
    ],
    groups.map((group, at) =>
      rowOf(group, Math.min(sites, groups.slice(0, at + 1).flat().length * shardSize), group.length * shardSize),
    ),
  );
  if (changes.length > 0) {
    console.log(`\none site's change among ${sites}, ${rounds} rounds, medians`);
    printTable(
      ['command', 'wall (s)', 'CPU (s)', 'all MiB', 'engine MiB'],
      (['preview', 'up'] as const).map((command) => {
        const costs = changes.map((change) => change[command]);
        return [
          command,
          medianOf(costs.map(({ wall }) => wall)),
          medianOf(costs.map(({ cpu }) => cpu)),
          whole(medianOf(costs.map(({ memory }) => memory))),
          whole(peakOf(costs, 'engine')),
        ];
      }),
    );
  }

  const last = shards.at(-1)?.after ?? platform;
  const running = last.running - platform.running;
  const allRun = running === sites;
  const seconds = shards.reduce((sum, { up }) => sum + up.wall, 0);
  console.log(
    `\n${running} of ${sites} sites have their pod Running on a fake node: ${allRun ? 'kept' : 'NOT KEPT'}; ${Math.round(seconds)} s of pulumi up, ${last.requests - platform.requests} requests to the API`,
  );
  const [first, latest] = [groups[0] ?? [], groups.at(-1) ?? []].map((group) =>
    medianOf(group.map(({ up }) => up.cpu)),
  );
  const ratio = (latest ?? Number.NaN) / (first ?? Number.NaN);
  const kept = ratio <= allowedRatio;
  console.log(
    `the last shards cost ${ratio.toFixed(2)} times the CPU of the first: ${kept ? 'kept' : 'NOT KEPT'}, at most ${allowedRatio}`,
  );
  return allRun && kept ? 0 : 1;
}

/** The shards in as many groups as the table has rows, in their order. */
function inGroups(shards: readonly ShardCost[]): ShardCost[][] {
  const size = Math.ceil(shards.length / rows);
  return Array.from({ length: Math.ceil(shards.length / size) }, (_, at) => shards.slice(at * size, (at + 1) * size));
}

function rowOf(group: readonly ShardCost[], sites: number, added: number): (string | number)[] {
  const [first, last] = [group[0]?.before, group.at(-1)?.after];
  const perSite = (key: 'requests' | 'applied') => whole(((last?.[key] ?? Number.NaN) - (first?.[key] ?? 0)) / added);
  const memory = (program: string) => whole(last?.memory.get(program) ?? Number.NaN);
  const ups = group.map(({ up }) => up);
  return [
    String(sites),
    medianOf(ups.map(({ wall }) => wall)),
    medianOf(ups.map(({ cpu }) => cpu)),
    whole(peakOf(ups, 'engine')),
    whole(peakOf(ups, 'program')),
    perSite('requests'),
    perSite('applied'),
    memory('kube-apiserver'),
    memory('etcd'),
    memory('kube-controller-manager'),
    whole(last?.storeMiB ?? Number.NaN),
    String(last?.running ?? ''),
  ];
}

function peakOf(costs: readonly CommandCost[], name: string): number {
  return medianOf(costs.map(({ peaks }) => peaks.get(name) ?? Number.NaN));
}

function medianOf(figures: readonly number[]): number {
  return spreadOf(figures).median;
}

function whole(figure: number): string {
  return Number.isNaN(figure) ? '' : String(Math.round(figure));
}

function readOptions(args: readonly string[]): Options | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      sites: { type: 'string', default: '1000' },
      'shard-size': { type: 'string', default: '10' },
      rounds: { type: 'string', default: '3' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) return undefined;
  const problems: string[] = [];
  const whole = (name: 'sites' | 'shard-size' | 'rounds', least: number, most: number): number => {
    const text = values[name];
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || value > most)
      problems.push(`--${name}: expected a whole number from ${least} to ${most}; got ${JSON.stringify(text)}`);
    return value;
  };
  const options = {
    sites: whole('sites', 1, 100_000),
    shardSize: whole('shard-size', 1, 100),
    rounds: whole('rounds', 0, 100),
  };
  if (problems.length > 0) throw new UsageError(problems);
  return options;
}

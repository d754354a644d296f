import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { UsageError } from '../command.ts';
import { stopWhenInterrupted } from './interruption.ts';
import { printTable, spreadOf } from './measure.ts';
import {
  adoptStacks,
  type ChangeCost,
  type Checkout,
  createCheckout,
  measure,
  measureChange,
} from './preview/checkout.ts';
import { type BenchSite, sitesInShards, writeRegistry } from './preview/registry.ts';
import { createStand, deployShards, type Stand } from './preview/stand.ts';
import type { CommandCost } from './process-tree.ts';

const usage = `usage: npm run bench -- preview [option ...]

What one site's change costs: npm run preview and npm run up, whole, in a deployed shard of registries of different sizes,
and by the size of the shard. Exits 1 where the last registry costs more than 1.5 times the first, in CPU and, from three
rounds on, in wall time, or where the files of a registry take more than 5 seconds of CPU to check.

  --rounds <n>          changes of each; default 3
  --sites <n,...>       sizes of the registry; default 10,100,1000
  --shard-size <n>      sites of the shard that changes; default 10
  --shard-sizes <n,...> other sizes of a shard, 0 for none; default 1,30
  --files <n>           YAML files that are loaded and checked; default 10000`;

/** Wall time is judged from so many rounds on: a single one is at the mercy of whatever else the machine does. */
const roundsForWallTime = 3;
/** At most so many times what the smallest registry costs. */
const allowedRatio = 1.5;
/** Seconds that one change may take on an idle machine of two cores. */
const allowedSeconds = 15;
/** Seconds for the files of a registry. */
const allowedCheckSeconds = 5;

interface Options {
  readonly rounds: number;
  readonly sites: readonly number[];
  readonly shardSize: number;
  readonly shardSizes: readonly number[];
  readonly files: number;
}

/** A shard of a registry, one of whose sites changes to and fro. */
interface Lane {
  readonly sites: number;
  readonly shardSize: number;
  readonly checkout: Checkout;
  readonly site: BenchSite;
  readonly costs: ChangeCost[];
}

/** Every lane has a change in turn, so that a machine that slows down slows all. */
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
    // The shard that changes is the first of every registry; behind it stand those of other sizes.
    const first = sitesInShards(options.shardSize, options.shardSize);
    const others = options.shardSizes.flatMap((size, at) =>
      Array.from({ length: size }, (_, index): BenchSite => ({ slug: `of-${size}-${index}`, shard: at + 1 })),
    );
    console.error(`deploying ${first.length + others.length} sites in ${options.shardSizes.length + 1} shards`);
    stand = await createStand(dir, [...first, ...others]);
    await deployShards(stand);
    const lanes = await createLanes(dir, stand, options);
    const deployed = new Map<string, BenchSite>();
    for (let round = 0; round < options.rounds; round += 1) {
      for (const { checkout, site, costs } of lanes) {
        const before = deployed.get(site.slug) ?? site;
        const after: BenchSite = { ...site, plan: before.plan === 'starter' ? 'studio' : 'starter' };
        costs.push(await measureChange(checkout, before, after));
        deployed.set(site.slug, after);
      }
      console.error(`measured: round ${round + 1} of ${options.rounds}`);
    }
    const check = await measureCheck(stand.checkout, dir, options);
    return report(options, lanes, check);
  } finally {
    forget();
    await stop();
  }
}

/** The registries by size, then the shards by size. */
async function createLanes(dir: string, stand: Stand, options: Options): Promise<Lane[]> {
  const lanes: Lane[] = [];
  for (const sites of options.sites) {
    const registry = sitesInShards(sites, options.shardSize);
    const checkout = await createCheckout(path.join(dir, `registry-${sites}`), registry, stand.checkout.variables);
    await adoptStacks(checkout, stand.checkout, Math.ceil(sites / options.shardSize));
    lanes.push({ sites, shardSize: options.shardSize, checkout, site: { slug: 'bench-0', shard: 0 }, costs: [] });
  }
  const all = options.shardSizes.reduce((sum, size) => sum + size, options.shardSize);
  for (const [at, shardSize] of options.shardSizes.entries()) {
    const site = { slug: `of-${shardSize}-0`, shard: at + 1 };
    lanes.push({ sites: all, shardSize, checkout: stand.checkout, site, costs: [] });
  }
  return lanes;
}

/** `npm run site:check` of a registry of so many files. */
async function measureCheck(checkout: Checkout, dir: string, { files, rounds }: Options): Promise<CommandCost[]> {
  const registry = path.join(dir, 'files');
  await writeRegistry(registry, sitesInShards(files, 10));
  const costs: CommandCost[] = [];
  for (let round = 0; round < rounds; round += 1) {
    costs.push(await measure(checkout, ['scripts/site-check.ts', '--sites', registry]));
  }
  return costs;
}

function report(options: Options, lanes: readonly Lane[], check: readonly CommandCost[]): number {
  const [first] = lanes;
  const [{ touched, unchanged } = { touched: 0, unchanged: 0 }] = first?.costs ?? [];
  console.log(
    `settings: strategy database, deployed on PostgreSQL and a Kubernetes API of this machine, another plan for one site, ${options.rounds} rounds in turn, medians; a site has about ${Math.round((touched + unchanged) / options.shardSize)} resources, a change touches ${touched}; up is its own preview, then the update`,
  );
  const rows = lanes.flatMap(({ sites, shardSize, costs }) =>
    (['preview', 'up'] as const).map((command) =>
      row(
        `${sites} sites`,
        shardSize,
        command,
        costs.map((cost) => cost[command]),
      ),
    ),
  );
  rows.push(row(`${options.files} sites`, '', 'site:check', check));
  printTable(
    ['registry', 'of the shard', 'command', 'wall (s)', 'CPU (s)', 'all MiB', 'engine MiB', 'program MiB'],
    rows,
  );

  const verdicts = [...compareRegistries(options, lanes), judgeCheck(options, check)];
  for (const { text } of verdicts) console.log(text);
  const slowest = Math.max(
    ...lanes
      .slice(0, options.sites.length)
      .flatMap(({ costs }) =>
        (['preview', 'up'] as const).map((command) => medianOf(costs.map((cost) => cost[command].wall))),
      ),
  );
  console.log(
    `the slowest of a registry's took ${slowest.toFixed(1)} s: ${slowest < allowedSeconds ? 'under' : 'NOT under'} ${allowedSeconds} s, which an idle machine of two cores is to keep`,
  );
  return verdicts.every(({ kept }) => kept) ? 0 : 1;
}

interface Verdict {
  readonly kept: boolean;
  readonly text: string;
}

function compareRegistries({ sites, rounds }: Options, lanes: readonly Lane[]): Verdict[] {
  const [few, many] = [lanes[0], lanes[sites.length - 1]];
  return (['preview', 'up'] as const).map((command) => {
    const ratioOf = (key: 'wall' | 'cpu') => {
      const [less, more] = [few, many].map((lane) => medianOf((lane?.costs ?? []).map((cost) => cost[command][key])));
      return (more ?? Number.NaN) / (less ?? Number.NaN);
    };
    const [wall, cpu] = [ratioOf('wall'), ratioOf('cpu')];
    const kept = cpu <= allowedRatio && (wall <= allowedRatio || rounds < roundsForWallTime);
    const text = `${command} of one site among ${many?.sites} costs ${wall.toFixed(2)} times the time and ${cpu.toFixed(2)} times the CPU of one among ${few?.sites}: ${kept ? 'kept' : 'NOT KEPT'}, at most ${allowedRatio}`;
    return { kept, text };
  });
}

function judgeCheck({ files }: Options, check: readonly CommandCost[]): Verdict {
  // Processor time: one process works here, and what else the machine does is not its fault.
  const seconds = medianOf(check.map(({ cpu }) => cpu));
  const kept = seconds < allowedCheckSeconds;
  const text = `${files} files are loaded and checked in ${seconds.toFixed(1)} s of CPU: ${kept ? 'kept' : 'NOT KEPT'}, under ${allowedCheckSeconds} s`;
  return { kept, text };
}

function row(
  registry: string,
  shard: number | '',
  command: string,
  costs: readonly CommandCost[],
): (string | number)[] {
  const whole = (figures: readonly number[]) => {
    const median = medianOf(figures);
    return Number.isNaN(median) ? '' : String(Math.round(median));
  };
  const peak = (name: string) => whole(costs.map(({ peaks }) => peaks.get(name) ?? Number.NaN));
  return [
    registry,
    String(shard),
    command,
    medianOf(costs.map(({ wall }) => wall)),
    medianOf(costs.map(({ cpu }) => cpu)),
    whole(costs.map(({ memory }) => memory)),
    peak('engine'),
    peak('program'),
  ];
}

function medianOf(figures: readonly number[]): number {
  return spreadOf(figures).median;
}

function readOptions(args: readonly string[]): Options | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: 'string', default: '3' },
      sites: { type: 'string', default: '10,100,1000' },
      'shard-size': { type: 'string', default: '10' },
      'shard-sizes': { type: 'string', default: '1,30' },
      files: { type: 'string', default: '10000' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) return undefined;
  const problems: string[] = [];
  const whole = (name: keyof typeof values, least: number, most: number): number[] =>
    String(values[name])
      .split(',')
      .map((text) => {
        const value = Number(text);
        if (!/^\d+$/.test(text) || value < least || value > most)
          problems.push(`--${name}: expected a whole number from ${least} to ${most}; got ${JSON.stringify(text)}`);
        return value;
      });
  const [[rounds = 0], [shardSize = 0], [files = 0]] = [
    whole('rounds', 1, 100),
    whole('shard-size', 1, 100),
    whole('files', 1, 100_000),
  ];
  const shardSizes = whole('shard-sizes', 0, 100).filter((size) => size > 0);
  const sites = whole('sites', Math.max(1, shardSize), 100_000);
  if (problems.length > 0) throw new UsageError(problems);
  return { rounds, sites, shardSize, shardSizes, files };
}

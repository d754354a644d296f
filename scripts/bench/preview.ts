import { spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { stringify } from 'yaml';
import { shardStackName } from '../../stacks/settings.ts';
import { UsageError } from '../command.ts';
import { engineEnvironment, type Variables } from '../engine/environment.ts';
import { type InstalledTools, installTools } from '../tools/install.ts';
import { printTable, spreadOf } from './measure.ts';

const root = path.resolve(import.meta.dirname, '..', '..');
const platformStack = 'bench';

/** What one preview took. */
interface Cost {
  readonly wall: number;
  /** Processor seconds of the engine, the program and the plugins together. */
  readonly cpu: number;
}

/** A copy of this project, with a backend of its own. */
interface Project {
  readonly dir: string;
  readonly variables: Variables;
}

/** A registry of so many sites, in shards of so many. */
interface Registry {
  readonly sites: number;
  readonly shardSize: number;
}

/**
 * What the preview of a shard costs by its size, and what one costs where the whole registry has ten sites and where it
 * has a thousand: one site's change is previewed in its shard alone. The stacks are new, so nothing has to run and nothing
 * is applied; in turn, so that a machine that slows down slows all.
 */
export async function run(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: { rounds: { type: 'string', default: '3' }, sites: { type: 'string', default: '1000' } },
  });
  const rounds = readNumber('rounds', values.rounds);
  const many = readNumber('sites', values.sites);
  const few: Registry = { sites: 10, shardSize: 10 };
  const registries: readonly Registry[] = [
    { sites: 1, shardSize: 1 },
    few,
    { sites: 50, shardSize: 50 },
    { sites: many, shardSize: few.shardSize },
  ];
  const dir = await mkdtemp(path.join(tmpdir(), 'ghost-fleet-bench-'));
  try {
    const tools = await installTools({ root, sets: ['engine'] });
    const projects: Project[] = [];
    for (const registry of registries) projects.push(await createProject(dir, registry, tools));
    const costs: Cost[][] = registries.map(() => []);
    for (let round = 0; round < rounds; round += 1) {
      for (const [at, project] of projects.entries()) {
        costs[at]?.push(await measurePreview(project));
      }
    }
    report(registries, costs, rounds);
  } finally {
    await rm(dir, { recursive: true, force: true, maxRetries: 5 });
  }
}

function readNumber(name: string, text: string): number {
  if (/^[1-9]\d*$/.test(text)) return Number(text);
  throw new UsageError([`--${name}: expected a whole number from 1; got ${JSON.stringify(text)}`]);
}

function report(registries: readonly Registry[], costs: readonly (readonly Cost[])[], rounds: number): void {
  console.log(
    `settings: strategy database, preview of one new shard, ${rounds} rounds in turn, medians; nothing is applied`,
  );
  const medians = costs.map((all) => ({
    wall: spreadOf(all.map(({ wall }) => wall)).median,
    cpu: spreadOf(all.map(({ cpu }) => cpu)).median,
  }));
  printTable(
    ['registry', 'sites in the shard', 'wall (s)', 'CPU (s)', 'CPU a site (s)'],
    registries.map(({ sites, shardSize }, at) => {
      const { wall, cpu } = medians[at] ?? { wall: Number.NaN, cpu: Number.NaN };
      return [`${sites} sites`, String(shardSize), wall, cpu, cpu / shardSize];
    }),
  );
  const [, few, , many] = medians;
  const [, { sites: fewSites } = { sites: 0 }, , { sites: manySites } = { sites: 0 }] = registries;
  const ratio = (key: keyof Cost) => ((many?.[key] ?? Number.NaN) / (few?.[key] ?? Number.NaN)).toFixed(2);
  console.log(
    `one site's change among ${manySites} sites costs ${ratio('cpu')} times the CPU and ${ratio('wall')} times the time of one among ${fewSites} (at most 1.5)`,
  );
}

/** A copy of the project with a registry of its own, and the first of its shards as a stack without resources. */
async function createProject(parent: string, registry: Registry, tools: InstalledTools): Promise<Project> {
  const dir = path.join(parent, `registry-${registry.sites}-${registry.shardSize}`);
  await mkdir(dir);
  const { PATH, HOME, KUBECONFIG } = process.env;
  const { variables } = await engineEnvironment(path.join(dir, 'engine'), tools, { PATH, HOME, KUBECONFIG });
  const project = { dir, variables };
  for (const name of ['Pulumi.yaml', 'package.json', 'components', 'runtime', 'sites', 'stacks']) {
    await cp(path.join(root, name), path.join(dir, name), { recursive: true });
  }
  await symlink(path.join(root, 'node_modules'), path.join(dir, 'node_modules'));
  await writeRegistry(path.join(dir, 'registry'), registry);
  const cluster = { name: 'eu-1', region: 'eu', kind: 'external', host: 'postgres.example.com', cidrs: ['10.0.0.0/8'] };
  await writeSettings(dir, platformStack, {
    databaseStrategy: 'database',
    baseDomain: 'sites.example.com',
    region: 'eu',
    sites: 'registry',
    shards: Math.ceil(registry.sites / registry.shardSize),
    clusters: [cluster],
    images: { site: 'ghost-fleet/site:dev' },
  });
  await pulumi(['stack', 'init', platformStack], project);
  const deployment = path.join(dir, 'platform.json');
  await writeFile(deployment, JSON.stringify(platformState(cluster.host)));
  await pulumi(['stack', 'import', '--stack', platformStack, '--file', deployment], project);
  const shard = shardStackName(platformStack, 0);
  await writeSettings(dir, shard, { platformStack, shard: 0 });
  await pulumi(['stack', 'init', shard], project);
  return project;
}

async function writeRegistry(dir: string, { sites, shardSize }: Registry): Promise<void> {
  await mkdir(dir);
  for (let index = 0; index < sites; index += 1) {
    const slug = `bench-${index}`;
    const entry = {
      slug,
      creator: `creator-${index % 100}@example.com`,
      title: `Bench ${index}`,
      domains: [`${slug}.example.com`],
      plan: 'studio',
      region: 'eu',
      shard: Math.floor(index / shardSize),
    };
    await writeFile(path.join(dir, `${slug}.yaml`), stringify(entry));
  }
}

async function writeSettings(dir: string, stack: string, settings: Readonly<Record<string, unknown>>): Promise<void> {
  const config = Object.fromEntries(Object.entries(settings).map(([key, value]) => [`ghost-fleet:${key}`, value]));
  await writeFile(path.join(dir, 'stacks', `Pulumi.${stack}.yaml`), stringify({ config }));
}

/** State of a platform's stack with nothing in it but what a shard asks of it. */
function platformState(host: string): object {
  const server = { host, port: 5432 };
  const outputs = {
    access: {
      clusters: {
        'eu-1': {
          name: 'eu-1',
          pooler: server,
          direct: server,
          reachable: [{ cidrs: ['10.0.0.0/8'], ports: [5432] }],
          admin: { ...server, user: 'postgres' },
        },
      },
      search: [],
      media: {},
    },
    credentials: { clusters: { 'eu-1': 'a-password-of-nothing' }, redis: {}, search: [], media: [] },
  };
  const type = 'pulumi:pulumi:Stack';
  const urn = `urn:pulumi:${platformStack}::ghost-fleet::${type}::ghost-fleet-${platformStack}`;
  return { version: 3, deployment: { manifest: {}, resources: [{ urn, type, custom: false, outputs }] } };
}

async function measurePreview(project: Project): Promise<Cost> {
  const started = performance.now();
  const output = await pulumi(['preview', '--stack', shardStackName(platformStack, 0)], project);
  const wall = (performance.now() - started) / 1000;
  // The shell's own times, then those of its children: user and system.
  const [, children = ''] = output.trim().split('\n').slice(-2);
  const seconds = [...children.matchAll(/(\d+)m([\d.]+)s/g)].map((match) => Number(match[1]) * 60 + Number(match[2]));
  return { wall, cpu: seconds.reduce((sum, value) => sum + value, 0) };
}

/** Runs the CLI in a shell, which prints how much processor time it took, with all that it started. */
function pulumi(args: readonly string[], { dir, variables }: Project): Promise<string> {
  const script = 'pulumi --non-interactive --color=never "$@" 2>&1; code=$?; times; exit $code';
  const child = spawn('sh', ['-c', script, 'sh', ...args], {
    cwd: dir,
    env: { ...variables },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    output += chunk;
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) =>
      code === 0 ? resolve(output) : reject(new Error(`pulumi ${args.join(' ')} ended with ${code}:\n${output}`)),
    );
  });
}

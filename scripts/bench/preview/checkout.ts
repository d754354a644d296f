import { cp, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parse, stringify } from 'yaml';
import { $ } from 'zx';
import { shardStackName } from '../../../stacks/settings.ts';
import { type CommandCost, measureCommand } from '../process-tree.ts';
import { type BenchSite, writeRegistry, writeSite } from './registry.ts';

const root = path.resolve(import.meta.dirname, '..', '..', '..');

/** Stack of the platform; its shards are `bench-00` and so on. */
export const platformStack = 'bench';

/** A copy of this project under git, with a registry and stacks of its own. */
export interface Checkout {
  readonly dir: string;
  /** What its commands run with: backend, passphrase, access to the cluster. */
  readonly variables: Readonly<Record<string, string>>;
}

/** What one change of a site costs. */
export interface ChangeCost {
  readonly preview: CommandCost;
  readonly up: CommandCost;
  /** Resources that the change touches, and all others of the shard. */
  readonly touched: number;
  readonly unchanged: number;
}

/** Copies the project; the registry holds these sites alone, and no stacks but the bench's are known. */
export async function createCheckout(
  dir: string,
  sites: readonly BenchSite[],
  variables: Readonly<Record<string, string>>,
): Promise<Checkout> {
  await mkdir(dir);
  for (const name of ['Pulumi.yaml', 'package.json', 'components', 'runtime', 'scripts', 'sites', 'stacks', 'test']) {
    await cp(path.join(root, name), path.join(dir, name), { recursive: true });
  }
  await symlink(path.join(root, 'node_modules'), path.join(dir, 'node_modules'));
  for (const folder of ['sites', 'stacks']) {
    const files = await readdir(path.join(dir, folder));
    for (const file of files.filter((name) => name.endsWith('.yaml'))) await rm(path.join(dir, folder, file));
  }
  await writeRegistry(path.join(dir, 'sites'), sites);
  await $({ cwd: dir, quiet: true })`git init --quiet`;
  return { dir, variables };
}

/** Writes `Pulumi.<stack>.yaml`. */
export async function writeSettings(
  { dir }: Checkout,
  stack: string,
  settings: Readonly<Record<string, unknown>>,
): Promise<void> {
  const config = Object.fromEntries(Object.entries(settings).map(([key, value]) => [`ghost-fleet:${key}`, value]));
  await writeFile(settingsFile(dir, stack), stringify({ config }));
}

/** Takes over another checkout's platform, secrets included, and its first shard, for a registry of so many shards. */
export async function adoptStacks(to: Checkout, from: Checkout, shards: number): Promise<void> {
  for (const stack of [platformStack, shardStackName(platformStack, 0)]) {
    await cp(settingsFile(from.dir, stack), settingsFile(to.dir, stack));
  }
  const file = settingsFile(to.dir, platformStack);
  const settings = parse(await readFile(file, 'utf8')) as { config: Record<string, unknown> };
  settings.config['ghost-fleet:shards'] = shards;
  await writeFile(file, stringify(settings));
}

const settingsFile = (dir: string, stack: string) => path.join(dir, 'stacks', `Pulumi.${stack}.yaml`);

/** Runs the pinned CLI. */
export async function pulumi(
  { dir, variables }: Checkout,
  args: readonly string[],
  options: { readonly input?: string; readonly more?: Readonly<Record<string, string>> } = {},
): Promise<void> {
  const shell = $({ cwd: dir, env: { ...variables, ...options.more }, quiet: true, input: options.input ?? '' });
  await shell`pulumi --non-interactive --color=never ${args}`;
}

/**
 * Changes one site from what is deployed, and measures `preview` and `up` as people type them.
 *
 * @param deployed how the site stands in its shard
 * @param wanted what its YAML is to say
 * @throws Error where anything but this site would change
 */
export async function measureChange(checkout: Checkout, deployed: BenchSite, wanted: BenchSite): Promise<ChangeCost> {
  const { dir } = checkout;
  const git = $({ cwd: dir, quiet: true });
  await writeSite(path.join(dir, 'sites'), deployed);
  await git`git add sites stacks`;
  await git`git -c user.name=bench -c user.email=bench@example.com commit --quiet --allow-empty --message deployed`;
  await writeSite(path.join(dir, 'sites'), wanted);
  const preview = await measure(checkout, ['scripts/preview.ts', '--base', 'HEAD', '--format', 'json']);
  const { touched, unchanged } = readPreview(preview.stdout, wanted.slug);
  const stack = shardStackName(platformStack, wanted.shard);
  const up = await measure(checkout, ['scripts/up.ts', '--stack', stack, '--yes']);
  return { preview, up, touched, unchanged };
}

/** Measures one of the project's commands in a checkout. */
export function measure({ dir, variables }: Checkout, args: readonly string[]): Promise<CommandCost> {
  const node = ['--disable-warning=ExperimentalWarning', ...args];
  return measureCommand({ program: process.execPath, args: node, cwd: dir, env: variables, nameOf });
}

/** Measures plain `pulumi up` of a stack. */
export function measureUp({ dir, variables }: Checkout, stack: string): Promise<CommandCost> {
  const args = ['--non-interactive', '--color=never', 'up', '--yes', '--skip-preview', '--stack', stack];
  return measureCommand({ program: 'pulumi', args, cwd: dir, env: variables, nameOf });
}

/** The engine, and the program, which a command of the project runs itself; the plugins count among all. */
function nameOf([program = '', ...args]: readonly string[]): 'engine' | 'program' | undefined {
  if (path.basename(program) === 'pulumi') return 'engine';
  const runs = args.some((argument) => /^scripts\/.*\.ts$|@pulumi\/pulumi\/cmd\/run$/.test(argument));
  return runs ? 'program' : undefined;
}

interface PreviewOutput {
  readonly stories: readonly { readonly slug: string }[];
  readonly stacks: readonly {
    readonly missing?: string;
    readonly steps?: readonly { readonly site?: string }[];
    readonly unchanged?: number;
  }[];
}

function readPreview(text: string, slug: string): { touched: number; unchanged: number } {
  const { stories, stacks } = JSON.parse(text) as PreviewOutput;
  const [{ steps = [], unchanged = 0, missing } = {}, ...others] = stacks;
  const told = stories.map((story) => story.slug);
  if (told.join() !== slug || others.length > 0 || steps.length === 0 || steps.some(({ site }) => site !== slug)) {
    throw new Error(`expected a change of ${slug} alone; got ${missing ?? text}`);
  }
  return { touched: steps.length, unchanged };
}

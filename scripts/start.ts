import { createInterface } from 'node:readline/promises';
import { formatProblem, loadRegistry, type Registry } from '../sites/registry.ts';
import { runCommand, UsageError } from './command.ts';
import { FleetDatabases } from './fleet/databases.ts';
import { Fleet } from './fleet/fleet.ts';
import { ghostPathOf } from './fleet/ghost-release.ts';
import { LocalPlatform, localAdmin } from './fleet/local-platform.ts';
import { type FleetOptions, fleetUsage, readFleetOptions } from './fleet/options.ts';
import { platformHost, Router } from './fleet/router.ts';
import { StateDir } from './fleet/state-dir.ts';
import { formatState, formatTable } from './fleet/table.ts';
import { watchRegistry } from './fleet/watcher.ts';
import { clustersOf, readStacks } from './registry/clusters.ts';

await runCommand(async () => {
  const options = readFleetOptions(process.argv.slice(2), process.env);
  if (options === undefined) {
    console.log(fleetUsage);
    return 0;
  }
  const clusters = clustersOf(await readStacks(undefined));
  const load = () => loadRegistry(options.sitesDir, { clusters });
  const registry = await load();
  reportProblems(registry);
  requireSlugs(registry, [...(options.only ?? []), ...(options.reset === undefined ? [] : [options.reset])]);
  return run(options, registry, load);
});

async function run(options: FleetOptions, registry: Registry, load: () => Promise<Registry>): Promise<number> {
  const state = new StateDir(options.stateDir);
  await state.lock();
  const interrupted = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => resolve());
  });
  const databases = await FleetDatabases.start(options.database, state);
  const fleet = new Fleet({ state, databases, port: options.port, only: options.only });
  const { server } = databases;
  const platform = new LocalPlatform({ state, server, ...options });
  const router = new Router(fleet, platform);
  let unwatch: (() => Promise<void>) | undefined;
  let stopping = false;
  try {
    if (options.reset !== undefined && !(await reset(options, databases, options.reset))) return 1;
    await router.listen(options.port);
    await state.announce(options.port);
    console.log(
      `PostgreSQL for the platform on port ${databases.server.port}; sites on ${options.database}; state in ${options.stateDir}`,
    );
    reportProgress(fleet);
    await fleet.apply(registry);
    platform.process.start();
    unwatch = await watchRegistry(options.sitesDir, load, async (changed) => {
      reportProblems(changed);
      await fleet.apply(changed);
    });
    await Promise.race([Promise.all([fleet.settled(), platform.process.settled()]), interrupted]);
    console.log(`\n${formatTable(fleet.statuses())}\n\n${whereTo(options.port)}   Ctrl-C stops the fleet`);
    // In the background, once the sites that are there have what they need of this machine.
    databases.prepareForNewSites(await ghostPathOf(undefined)).catch((error: Error) => {
      if (!stopping) console.error(`the next new site will make its template itself: ${error.message}`);
    });
    await interrupted;
    return 0;
  } finally {
    stopping = true;
    await stop({ fleet, platform, router, databases, state, unwatch });
  }
}

function whereTo(port: number): string {
  const dashboard = `http://${platformHost}:${port}`;
  const admins = process.env.PLATFORM_ADMINS ?? localAdmin;
  return `All sites: http://localhost:${port}   Dashboard: ${dashboard} (sign in as a creator, or as ${admins})`;
}

async function stop({
  fleet,
  platform,
  router,
  databases,
  state,
  unwatch,
}: {
  readonly fleet: Fleet;
  readonly platform: LocalPlatform;
  readonly router: Router;
  readonly databases: FleetDatabases;
  readonly state: StateDir;
  readonly unwatch: (() => Promise<void>) | undefined;
}): Promise<void> {
  console.log('\nstopping (Ctrl-C again ends everything at once)');
  process.once('SIGINT', () => {
    fleet.kill();
    platform.process.kill();
    databases.stop().finally(() => process.exit(130));
  });
  await unwatch?.();
  await Promise.all([fleet.stop(), platform.process.stop()]);
  router.close();
  await databases.stop();
  await state.unlock();
  console.log('stopped; the data is kept');
  // The router's peers may keep sockets open for a moment; there is nothing left to wait for.
  setImmediate(() => process.exit());
}

/** @returns whether the reset was wanted */
async function reset(options: FleetOptions, databases: FleetDatabases, slug: string): Promise<boolean> {
  if (!options.yes) {
    if (!process.stdin.isTTY) throw new UsageError([`--reset ${slug}: expected --yes where nobody can be asked`]);
    const ask = createInterface({ input: process.stdin, output: process.stdout });
    const answer = await ask.question(
      `Set the data of ${slug} (${databases.describe(slug)}) aside and start it empty? [y/N] `,
    );
    ask.close();
    if (!/^y(es)?$/i.test(answer.trim())) {
      console.log('nothing was changed');
      return false;
    }
  }
  const moved = await databases.setAside(slug);
  console.log(moved.length === 0 ? `${slug} has no data yet` : moved.join('\n'));
  return true;
}

function reportProgress(fleet: Fleet): void {
  const shown = new Map<string, string>();
  fleet.on('change', (slug) => {
    const sites = fleet.statuses();
    const site = sites.find((candidate) => candidate.slug === slug);
    const text = site === undefined ? 'left the registry: stopped, its data is kept' : formatState(site);
    if (shown.get(slug) === text) return;
    shown.set(slug, text);
    const ready = sites.filter((candidate) => candidate.state === 'ready').length;
    console.log(`${slug}: ${text}${text === 'ready' ? ` at ${site?.url} (${ready} of ${sites.length})` : ''}`);
  });
}

function reportProblems(registry: Registry): void {
  for (const problem of registry.problems) console.error(formatProblem(problem));
}

function requireSlugs(registry: Registry, slugs: readonly string[]): void {
  const known = registry.sites.map((site) => site.slug);
  const unknown = slugs.filter((slug) => !known.includes(slug));
  if (unknown.length > 0)
    throw new UsageError(unknown.map((slug) => `expected one of the sites ${known.join(', ')}; got ${slug}`));
  if (known.length === 0) throw new UsageError(['the registry has no sound site; add one with npm run site:add']);
}

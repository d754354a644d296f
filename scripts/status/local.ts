import { existsSync } from 'node:fs';
import path from 'node:path';
import { DirectoryStore } from '../../runtime/site/backups/directory-store.ts';
import { readNewest } from '../../runtime/site/backups/newest.ts';
import { namesOf } from '../../sites/naming.ts';
import { formatProblem, loadRegistry } from '../../sites/registry.ts';
import type { SiteStatus } from '../fleet/fleet.ts';
import { pinnedGhost } from '../fleet/ghost-release.ts';
import type { StateDir } from '../fleet/state-dir.ts';
import { clustersOf, readStacks } from '../registry/clusters.ts';
import { request } from '../services/site.ts';
import type { StatusRow } from './row.ts';

/** Every site of the local fleet's registry, whether the fleet runs or not, and what is wrong with the registry. */
export async function readLocalFleet(
  sitesDir: string,
  state: StateDir,
): Promise<{ running: boolean; rows: StatusRow[]; problems: string[] }> {
  const registry = await loadRegistry(sitesDir, { clusters: clustersOf(await readStacks(undefined)) });
  const port = await state.routerPort();
  const shown = port === undefined ? [] : await askFleet(port);
  const rows: StatusRow[] = [];
  for (const site of registry.sites) {
    const { slug } = site;
    const running = shown.find((candidate) => candidate.slug === slug);
    const found = running === undefined ? (site.state === 'active' ? 'stopped' : site.state) : describe(running);
    rows.push({
      site: slug,
      state: found,
      version: site.ghost?.version ?? pinnedGhost(),
      database: running?.database ?? sqliteOf(slug, state),
      replicas: `${running?.state === 'ready' ? 1 : 0}/${site.state === 'active' ? 1 : 0}`,
      restarts: running?.restarts ?? 0,
      lastBackup: await newestBackup(slug, state),
      url: running?.url,
    });
  }
  return { running: port !== undefined, rows, problems: registry.problems.map(formatProblem) };
}

async function askFleet(port: number): Promise<SiteStatus[]> {
  const { body } = await request(port, '/fleet.json', { host: 'localhost' });
  return (JSON.parse(body) as { sites: SiteStatus[] }).sites;
}

function describe({ state, detail }: SiteStatus): string {
  return detail === '' ? state : `${state} (${detail})`;
}

/** What a stopped fleet left; which of PostgreSQL's databases it has, only the running server could say. */
function sqliteOf(slug: string, state: StateDir): string | undefined {
  const { sqliteFile } = namesOf(slug);
  return existsSync(path.join(state.contentPath(slug), sqliteFile)) ? `sqlite ${sqliteFile}` : undefined;
}

async function newestBackup(slug: string, state: StateDir): Promise<string | undefined> {
  const newest = await readNewest(new DirectoryStore(state.backups), slug);
  return newest?.toISOString().replace('.000Z', 'Z');
}

import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { withClient } from '../../runtime/database/provision.ts';
import { ensureTemplate, templateNameOf } from '../../runtime/database/template.ts';
import { namesOf } from '../../sites/naming.ts';
import { SiteUnderTest, siteEnvironment } from '../services/site.ts';
import { startProvisioning } from './provisioning.ts';
import { readSiteShape, type SitePlace, type SiteShape } from './site-shape.ts';

/**
 * What is killed: the site's process while Ghost initialises an empty database; the provisioning while it makes the
 * template of a Ghost and clones it; the provisioning while it clones one that is there.
 */
export const interruptedWorks = ['initialising', 'making a template', 'cloning'] as const;
export type InterruptedWork = (typeof interruptedWorks)[number];

/** A new site, to be started and killed and started again. */
export interface NewSite extends SitePlace {
  readonly ghostPath: string;
}

export interface Interruption {
  readonly work: InterruptedWork;
  /** Milliseconds from the beginning of the work to the SIGKILL. */
  readonly momentMs: number;
  /** Whether what the process started survives it. */
  readonly orphans: boolean;
}

export interface Recovery {
  /** False where the work was done before the moment came. */
  readonly interrupted: boolean;
  /** What the killed process left, in words. */
  readonly left: string;
  /** From the kill to a site that serves. */
  readonly healedMs: number;
  readonly shape: SiteShape;
}

/**
 * Kills a first start and starts the site again as its supervisor would, without any other step.
 *
 * @throws Error where the next start does not serve
 */
export async function interruptFirstStart(site: NewSite, interruption: Interruption): Promise<Recovery> {
  const { work, momentMs, orphans } = interruption;
  const cloning = work !== 'initialising';
  const child = await begin(site, work);
  const ended = once(child, 'exit');
  await Promise.race([ended, sleep(momentMs)]);
  const interrupted = child.exitCode === null;
  if (interrupted) process.kill(cloning && !orphans ? -(child.pid ?? 0) : (child.pid ?? 0), 'SIGKILL');
  await ended;
  const killed = Date.now();
  const left = cloning ? await describeLeftovers(site) : '';
  const { output, shape } = await startSite(site, cloning);
  return { interrupted, left: left || whatSiteFound(output), healedMs: Date.now() - killed, shape };
}

/** Does some work of a first start undisturbed. @returns how long it took, in milliseconds */
export async function timeUndisturbed(site: NewSite, work: InterruptedWork): Promise<number> {
  if (work === 'initialising') return (await startSite(site, false)).readyMs;
  const child = await begin(site, work);
  const began = Date.now();
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`provisioning ${site.slug}: expected exit code 0; got ${code}`);
  return Date.now() - began;
}

/** Two processes at once do the work of one new site's first start, and two start the site. */
export async function startTwins(
  site: NewSite,
  work: InterruptedWork,
): Promise<{ outputs: string[]; shape: SiteShape }> {
  if (work !== 'initialising') {
    const both = [await begin(site, work), await startProvisioning({ admin: site.server, ...site })];
    const codes = await Promise.all(both.map(async (child) => child.exitCode ?? (await once(child, 'exit'))[0]));
    if (codes.some((code) => code !== 0)) throw new Error(`twins: expected exit codes 0; got ${codes.join(', ')}`);
  }
  const first = await environmentOf(site, work !== 'initialising');
  const second = { ...(await environmentOf(site, work !== 'initialising')), SITE_URL: first.SITE_URL ?? '' };
  const twins = [new SiteUnderTest(first), new SiteUnderTest(second)];
  try {
    await Promise.all(twins.map((twin) => twin.ready(startDeadlineMs)));
    return { outputs: twins.map((twin) => twin.output), shape: await readSiteShape(site) };
  } finally {
    await Promise.all(twins.map((twin) => twin.stop()));
  }
}

/** Long, since what is asked is whether a start heals, and the machine may be busy. */
const startDeadlineMs = 300_000;

async function begin(site: NewSite, work: InterruptedWork): Promise<ChildProcess> {
  if (work === 'initialising') return new SiteUnderTest(await environmentOf(site, false)).child;
  if (work === 'cloning') await ensureTemplate(site.server, site.ghostPath);
  else await dropTemplate(site);
  return startProvisioning({ admin: site.server, ...site });
}

/** Starts the site, asks it for its front page, looks at its database and stops it. */
async function startSite(
  site: NewSite,
  cloned: boolean,
): Promise<{ output: string; readyMs: number; shape: SiteShape }> {
  const env = await environmentOf(site, cloned);
  const began = Date.now();
  const running = new SiteUnderTest(env);
  try {
    await running.ready(startDeadlineMs);
    const readyMs = Date.now() - began;
    const { status } = await running.get('/');
    if (status !== 200) throw new Error(`${site.slug}: expected 200 for its front page; got ${status}`);
    return { output: running.output, readyMs, shape: await readSiteShape(site) };
  } finally {
    await running.stop();
  }
}

function environmentOf({ slug, dir, strategy, server, ghostPath }: NewSite, cloned: boolean) {
  return siteEnvironment({ slug, title: slug, dir, strategy, server, ...(cloned ? { ghostPath } : {}) });
}

async function dropTemplate({ server, ghostPath }: NewSite): Promise<void> {
  const template = await templateNameOf(ghostPath);
  await withClient(server, 'postgres', async (client) => {
    const { rowCount } = await client.query('select from pg_database where datname = $1', [template]);
    if (rowCount === 0) return;
    await client.query(`alter database ${pg.escapeIdentifier(template)} with is_template false`);
    await client.query(`drop database ${pg.escapeIdentifier(template)} with (force)`);
  });
}

/** How far a killed provisioning came. */
async function describeLeftovers({ server, slug, ghostPath }: NewSite): Promise<string> {
  const template = await templateNameOf(ghostPath);
  return withClient(server, 'postgres', async (client) => {
    const find = async (database: string) =>
      (
        await client.query<{ datistemplate: boolean; datallowconn: boolean }>(
          'select datistemplate, datallowconn from pg_database where datname = $1',
          [database],
        )
      ).rows[0];
    const made = await find(template);
    if (made === undefined) return 'no template';
    if (!made.datistemplate) return 'half a template';
    const own = await find(namesOf(slug).database);
    if (own === undefined) return 'a template, no clone';
    if (!own.datallowconn) return 'a closed clone';
    return withClient(server, namesOf(slug).database, async (inside) => {
      const { rows } = await inside.query<{ unclaimed: boolean }>(
        "select to_regclass('public.ghost_fleet_fixtures') is not null as unclaimed",
      );
      return rows[0]?.unclaimed === true ? 'a clone without its fixtures' : 'a whole clone';
    });
  });
}

/** What a site's process found that was started after a killed one. */
function whatSiteFound(output: string): string {
  if (output.includes('starting over')) return 'half a database';
  return output.includes('initialising an empty database') ? 'an empty database' : 'a whole database';
}

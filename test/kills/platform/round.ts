import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pLimit from 'p-limit';
import { refreshJob } from '../../../runtime/platform/analytics/jobs.ts';
import { billingJob } from '../../../runtime/platform/billing/jobs.ts';
import { addDays, dayOf } from '../../../runtime/site/analytics/numbers.ts';
import { insertHistory } from '../../../scripts/dataset/history.ts';
import { Random } from '../../../scripts/dataset/random.ts';
import type { TableRows } from '../../../scripts/dataset/rows.ts';
import { namesOf } from '../../../sites/naming.ts';
import { connectSite } from '../../support/analytics-fleet.ts';
import { countHistory } from '../../support/count-history.ts';
import { drawSites, historyOf, type KnownSite, newcomersOf } from '../../support/known-site.ts';
import { headerOf } from '../../support/mail-server.ts';
import { describeKill, drawKills, inflict, type Kill } from '../plan.ts';
import { untilConnected } from '../until-connected.ts';
import { type Bed, startBed } from './bed.ts';
import { judgeNumbers, judgeProvisionings, judgeReal } from './judge.ts';

export interface PlatformRoundSettings {
  readonly seed: number;
  readonly sites: number;
  /** Sites that are made by the real engine, at least. */
  readonly engine: number;
  readonly kills: number;
  /** Whether what would only be waited for comes at once: the end of a dead worker's leases, the next visit of a site. */
  readonly hurry: boolean;
  /** An empty folder. */
  readonly dir: string;
  print(line: string): void;
}

const workerCount = 2;
const creatorCount = 10;

/** Sites that are asked for and not ready yet. */
const openRequests = 8;

/** In which a round of visits is likely to be under way. */
const roundMs = 2_000;

/** How long nothing may come nearer to its end. */
const patienceMs = 300_000;

/**
 * Provisions sites and visits them all for their numbers while workers, PostgreSQL and Redis are killed and come back, and
 * judges.
 *
 * @returns what is wrong in the end, a line each
 */
export async function runPlatformRound(settings: PlatformRoundSettings): Promise<string[]> {
  const { seed, kills, dir, print } = settings;
  const random = new Random(seed);
  const sites = drawSites(seed, settings.sites, creatorCount);
  // Sites are spread evenly over the shards, but for those that are asked for at the same moment.
  const shards = Math.max(2, Math.min(16, Math.floor(sites.length / (settings.engine + 2))));
  print(`seed ${seed}: ${sites.length} sites in ${shards} shards, ${kills} kills`);
  const through = addDays(dayOf(new Date()), -1);
  const began = Date.now();
  const bed = await startBed({ dir, sites, real: settings.engine > 0, shards, workers: workerCount, through });
  const say = (text: string) => print(`${((Date.now() - began) / 1000).toFixed(1).padStart(7)} s  ${text}`);
  const round = new Round(bed, { ...settings, random, sites, through, say });
  try {
    say('the platform runs');
    const drawn = drawKills(random, kills, workerCount, true);
    const inProvisioning = Math.ceil((kills * 2) / 3);
    const jobs = await round.provision(drawn.slice(0, inProvisioning));
    const history = await round.visitAll(drawn.slice(inProvisioning));
    await round.untilQuiet();
    await round.describe();
    const numbers = new Map([...history].map(([slug, rows]) => [slug, countHistory(rows, dayOf(new Date()))]));
    const answered = bed.ghosts?.answered ?? [];
    const evidence = { ...bed, mails: bed.mailServer.mails, sites, jobs, numbers, answered };
    return [
      ...(await judgeProvisionings(evidence)),
      ...(await judgeNumbers(evidence)),
      ...(await judgeReal(evidence, settings.engine)),
      ...((await bed.engine?.judge(await bed.repository.checkout('of-the-judge'))) ?? []),
      ...[...bed.workers.crashes, ...bed.api.crashes],
    ];
  } catch (error) {
    print(bed.workers.said.slice(-40).join(''));
    throw error;
  } finally {
    await bed.stop();
  }
}

interface RoundContext extends Pick<PlatformRoundSettings, 'hurry'> {
  readonly random: Random;
  readonly sites: readonly KnownSite[];
  readonly through: string;
  say(text: string): void;
}

class Round {
  readonly #bed: Bed;
  readonly #context: RoundContext;

  constructor(bed: Bed, context: RoundContext) {
    this.#bed = bed;
    this.#context = context;
  }

  /** Has every site asked for and made, with the kills spread over it. @returns the acknowledged jobs by slug */
  async provision(kills: readonly Kill[]): Promise<Map<string, string>> {
    const { sites, say, random } = this.#context;
    const jobs = new Map<string, string>();
    let asked = 0;
    const limit = pLimit(4);
    const asking = Promise.all(
      sites.map((site) =>
        limit(async () => {
          while (asked - (await this.#made()) >= openRequests) await sleep(200);
          asked += 1;
          jobs.set(site.slug, await this.#bed.creators.request(site));
        }),
      ),
    );
    const moments = kills.map(() => random.next() * 0.95 * sites.length).sort((one, other) => one - other);
    for (const [at, kill] of kills.entries()) {
      await this.#until(async () => (await this.#made()) >= (moments[at] ?? 0));
      await sleep(random.integer(0, 1_500));
      await this.#inflict(kill, `${await this.#made()} sites made`);
      if (at === Math.floor(kills.length / 2)) await this.#bill();
    }
    await asking;
    say('every site is asked for');
    await this.#until(async () => (await this.#made()) === sites.length);
    say('every site is made');
    // Two at once, as a slow round and the next are.
    await Promise.all([this.#bill(), this.#bill()]);
    await this.untilQuiet();
    say('their subscriptions run');
    return jobs;
  }

  /**
   * Has every site visited, lets something happen on each, and has all of them visited again, once for each kill and at last
   * to the end. @returns their rows by slug
   */
  async visitAll(kills: readonly Kill[]): Promise<Map<string, readonly TableRows[]>> {
    const { sites, say, random } = this.#context;
    let since = new Date();
    let isOver = false;
    const clock = (async () => {
      for (; !isOver; await sleep(3_000)) await untilConnected(() => this.#letAnHourPass(since));
    })();
    const allVisited = () => this.#until(async () => (await this.#visitedSince(since)) === sites.length);
    try {
      await allVisited();
      say('every site is visited once');
      const rows = await this.#letThingsHappen();
      say('something has happened on every site');
      since = new Date();
      for (const kill of kills) {
        since = new Date();
        await untilConnected(() => this.#letAnHourPass(since));
        await sleep(random.integer(0, roundMs));
        await this.#inflict(kill, `${await this.#visitedSince(since)} sites visited`);
      }
      await allVisited();
      say('every site is visited again');
      return rows;
    } finally {
      isOver = true;
      await clock;
    }
  }

  /** Members sign up and pages are asked for. @returns all that the sites' databases hold, by slug */
  async #letThingsHappen(): Promise<Map<string, readonly TableRows[]>> {
    const now = new Date();
    const rows = new Map<string, readonly TableRows[]>();
    for (const site of this.#context.sites) {
      const newcomers = newcomersOf(site, now);
      rows.set(site.slug, [...historyOf(site, this.#context.through), ...newcomers]);
      const knex = connectSite(this.#bed.servers.administrator, namesOf(site.slug).database);
      await insertHistory(knex, newcomers).finally(() => knex.destroy());
    }
    this.#bed.frontDoor.visit = 1;
    return rows;
  }

  /** What it came to, for whoever reads along. */
  async describe(): Promise<void> {
    const { say } = this.#context;
    const { database, engineDir, mailServer, creators, ghosts } = this.#bed;
    const rows: { kind: string; state: string; jobs: number; runs: number; most: number }[] = await database.asFleet(
      (db) =>
        db('jobs')
          .groupBy('kind', 'state')
          .orderBy('kind')
          .select('kind', 'state', db.raw('count(*) as jobs, sum(fence) as runs, max(fence) as most')),
    );
    for (const { kind, state, jobs, runs, most } of rows)
      say(`${kind} ${state}: ${jobs} jobs in ${runs} runs, at most ${most} of one`);
    const runs = (await readFile(path.join(engineDir, 'runs.txt'), 'utf8')).trim().split('\n').length;
    const { mails } = mailServer;
    const again = mails.length - new Set(mails.map((mail) => headerOf(mail, 'Message-ID'))).size;
    say(`${runs} runs of the recorded engine; ${mails.length} mails, ${again} of them again`);
    say(`${creators.repeated} requests were repeated`);
    if (ghosts === undefined) return;
    const { answered, starts, mostAlive } = ghosts;
    say(`${answered.length} sites by Pulumi, their Ghosts in ${starts} starts, at most ${mostAlive} alive at once`);
  }

  async #inflict(kill: Kill, when: string): Promise<void> {
    const { say, hurry } = this.#context;
    say(`${describeKill(kill)} (${when})`);
    await inflict(kill, this.#bed.workers, this.#bed.servers);
    if (hurry) await untilConnected(() => this.#endLeases());
  }

  /** A worker that was killed keeps its jobs for a minute; here they go on at once. */
  async #endLeases(): Promise<void> {
    const owners = this.#bed.workers.killed.map((pid) => `%-${pid}-%`);
    await this.#bed.database.asFleet((db) =>
      db('jobs').where({ state: 'active' }).whereRaw('owner like any (?)', [owners]).update({ due_at: db.fn.now() }),
    );
  }

  #made(): Promise<number> {
    return untilConnected(() =>
      this.#bed.database.asFleet(async (db) =>
        Number((await db('jobs').where({ kind: 'site.create', state: 'done' }).count('* as made').first())?.made),
      ),
    );
  }

  #visitedSince(since: Date): Promise<number> {
    return untilConnected(() =>
      this.#bed.database.asFleet(async (db) =>
        Number((await db('site_refreshes').where('last_success_at', '>=', since).count('* as n').first())?.n),
      ),
    );
  }

  /** The sites are due, and the clock ticks. */
  async #letAnHourPass(since: Date): Promise<void> {
    const { hurry } = this.#context;
    const { database, queue } = this.#bed;
    await database.asFleet(async (db) => {
      const left = db('site_refreshes').where((site) =>
        site.whereNull('last_success_at').orWhere('last_success_at', '<', since),
      );
      if (!hurry) left.where({ failures: 0 });
      await left.update({ next_due_at: since });
      await queue.enqueue(db, refreshJob, { payload: {}, creatorId: null });
    });
  }

  async #bill(): Promise<void> {
    const { database, queue } = this.#bed;
    await untilConnected(() =>
      database.asFleet((db) => queue.enqueue(db, billingJob, { payload: {}, creatorId: null })),
    );
  }

  /** Waits for something for as long as anything happens at all. */
  async #until(isSo: () => Promise<boolean>): Promise<void> {
    let seen = '';
    for (let deadline = Date.now() + patienceMs; !(await isSo()); await sleep(200)) {
      const jobs = JSON.stringify(await untilConnected(() => this.#progress()));
      if (jobs !== seen) deadline = Date.now() + patienceMs;
      seen = jobs;
      if (Date.now() > deadline) throw new Error(`nothing comes nearer to its end: ${await this.#describeOpen()}`);
      if (this.#context.hurry) await untilConnected(() => this.#endLeases());
    }
  }

  /** Waits until every job has ended. */
  untilQuiet(): Promise<void> {
    return this.#until(async () =>
      untilConnected(() =>
        this.#bed.database.asFleet(
          async (db) => (await db('jobs').whereIn('state', ['waiting', 'active']).first('id')) === undefined,
        ),
      ),
    );
  }

  /** Steps that were completed, of all jobs for sites, and visits that went well. */
  #progress(): Promise<unknown> {
    return this.#bed.database.asFleet(async (db) => [
      await db('jobs').where({ kind: 'site.create' }).select(db.raw('sum(jsonb_array_length(steps)) as steps')).first(),
      await db('site_refreshes').max('last_success_at as last').first(),
    ]);
  }

  async #describeOpen(): Promise<string> {
    const jobs = await this.#bed.database.asFleet((db) =>
      db('jobs')
        .whereNotIn('state', ['done'])
        .limit(8)
        .select('kind', 'key', 'lane', 'state', 'error', 'attempts', 'owner'),
    );
    const refreshes = await this.#bed.database.asFleet((db) => db('site_refreshes').where('failures', '>', 0).limit(3));
    return JSON.stringify({ jobs, refreshes }, null, 1);
  }
}

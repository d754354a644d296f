import { setTimeout as sleep } from 'node:timers/promises';
import { findAccount } from '../../../runtime/platform/access/accounts.ts';
import { createApiToken } from '../../../runtime/platform/access/api-tokens.ts';
import type { PlatformDatabase } from '../../../runtime/platform/database/connection.ts';
import type { KnownSite } from '../../support/known-site.ts';
import { untilConnected } from '../until-connected.ts';

/** Creators who ask for their sites by the API, each with a token of their own. */
export class Creators {
  readonly #api: string;
  readonly #database: PlatformDatabase;
  readonly #tokens: ReadonlyMap<string, string>;
  /** Requests that had to be made again. */
  repeated = 0;

  private constructor(api: string, database: PlatformDatabase, tokens: ReadonlyMap<string, string>) {
    this.#api = api;
    this.#database = database;
    this.#tokens = tokens;
  }

  static async create(api: string, database: PlatformDatabase, sites: readonly KnownSite[]): Promise<Creators> {
    const tokens = new Map<string, string>();
    for (const email of new Set(sites.map(({ creator }) => creator)))
      tokens.set(email, await database.asFleet((db) => createCreator(db, email)));
    return new Creators(api, database, tokens);
  }

  /** Asks for a site until it is acknowledged: who is not answered asks again. @returns the id of the job */
  async request(site: KnownSite): Promise<string> {
    for (let attempt = 1; ; attempt += 1) {
      const answer = await this.#post(site).catch(() => undefined);
      const body = (await answer?.json().catch(() => undefined)) as { job?: string; error?: string[] } | undefined;
      if (answer?.status === 202 && body?.job !== undefined) return body.job;
      if (answer?.status === 422) {
        // Asked for before, without an answer, and begun since: the registry knows it.
        const known = await this.#find(site.slug);
        if (known !== undefined && attempt > 1) return known;
        throw new Error(`${site.slug}: expected to be taken; got ${JSON.stringify(body)}`);
      }
      this.repeated += 1;
      await sleep(300);
    }
  }

  #post({ slug, creator, domain, plan }: KnownSite): Promise<Response> {
    return fetch(`${this.#api}/api/v1/sites`, {
      method: 'POST',
      headers: { authorization: `Bearer ${this.#tokens.get(creator)}`, 'content-type': 'application/json' },
      body: JSON.stringify({ slug, domain, plan }),
      signal: AbortSignal.timeout(20_000),
    });
  }

  async #find(slug: string): Promise<string | undefined> {
    const query = () =>
      this.#database.asFleet((db) => db('jobs').where({ kind: 'site.create', key: slug }).first('id'));
    return (await untilConnected(query))?.id;
  }
}

async function createCreator(
  db: Parameters<Parameters<PlatformDatabase['asFleet']>[0]>[0],
  email: string,
): Promise<string> {
  const [creator] = await db('creators').insert({ email }).returning('creator_id');
  await db('accounts').insert({ email, role: 'creator', creator_id: creator.creator_id });
  const viewer = await findAccount(db, email);
  if (viewer === undefined) throw new Error(`${email}: expected an account`);
  return createApiToken(db, viewer, 'kills', ['sites:write'], undefined);
}

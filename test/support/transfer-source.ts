import { setTimeout as sleep } from 'node:timers/promises';
import type { Knex } from 'knex';
import { fillDatabase } from '../conformance/database.ts';
import { GhostAdmin } from './ghost-admin.ts';
import { type CommandResult, runScript } from './run-script.ts';

/** Owner of every source site. */
export const owner = {
  name: 'Mira Example',
  email: 'mira@example.com',
  password: 'correct horse 4711 staple',
  blogTitle: 'Newsroom',
};

/** Sets a running site up, as its first visitor would, and waits for what Ghost does afterwards. */
export async function setUpSite(port: number, url: string): Promise<void> {
  await new GhostAdmin({ PORT: String(port), SITE_URL: url }).setUp(owner);
  await sleep(1_500);
}

/** Texts that a transfer may damage, in rows that the dataset does not have. */
export const awkward = {
  names: [
    'NULL',
    'back\\slash',
    'quote\'s "and" `ticks`',
    'emoji 👩‍🚀 end ',
    'line\nbreak\ttab',
    '{"json":[null]}',
    '\\x00ff',
    '',
  ],
  long: 'é🚀'.repeat(150_000),
};

/** Fills a site's database with the seeded dataset and rows of awkward values. */
export async function fillSource(knex: Knex, counts: Readonly<Record<string, number>>): Promise<void> {
  await fillDatabase(knex, '.tools/ghost', { seed: 11, anchor: new Date('2026-11-01T00:00:00Z'), counts });
  const created_at = '2026-02-28 23:59:59';
  for (const [at, name] of awkward.names.entries()) {
    const id = `6a00000000000000000000${String(at).padStart(2, '0')}`;
    const uuid = `00000000-0000-4000-8000-0000000000${String(at).padStart(2, '0')}`;
    const email = `awkward.${at}@example.com`;
    await knex('members').insert({ id, uuid, transient_id: id, email, name, status: 'free', created_at });
  }
  await knex('posts')
    .where({ slug: 'coming-soon' })
    .update({ html: `<p>${awkward.long}</p>` });
  await knex('redirects').update({ to_hash: Buffer.from(Array.from({ length: 32 }, (_, at) => at * 8)) });
}

/** Runs `site:import` or `site:export` for the site that an environment describes. */
export function runTransfer(
  command: 'import' | 'export',
  site: Readonly<Record<string, string>>,
  args: readonly string[],
): Promise<CommandResult> {
  // The test runner's own NODE_ENV means something else to Ghost.
  const env = { ...site, NODE_ENV: 'production' };
  return runScript(`scripts/site-${command}.ts`, [String(site.SITE_SLUG), '--environment', ...args], env);
}

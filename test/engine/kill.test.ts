import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Random } from '../../scripts/dataset/random.ts';
import { namesOf } from '../../sites/naming.ts';
import { useEngineBed } from '../support/engine/bed.ts';
import { readSecret } from '../support/engine/container-environment.ts';
import { copyFleetOnto } from '../support/engine/fleet-project.ts';
import { installGatewayApi } from '../support/engine/gateway-api.ts';
import type { PulumiProject } from '../support/engine/project.ts';

const bed = useEngineBed();
const seed = Number(process.env.KILL_SEED ?? Date.now() % 1_000_000);
const random = new Random(seed);
const slug = 'harbour-notes';

/** What a run makes, and what of it is killed between its making and its recording. */
const programs = [
  {
    what: 'a site on PostgreSQL',
    settings: {},
    sites: [slug],
    database: namesOf(slug).database,
    type: 'fleet:index:SiteDatabase',
    secret: { namespace: namesOf(slug).namespace, name: 'ghost-database' },
    logins: { [namesOf(slug).ownerRole]: 'DATABASE_PASSWORD' },
  },
  {
    what: 'the platform and its own database',
    settings: { platform: { enabled: true }, mail: { host: 'smtp.example.test', from: 'fleet@example.test' } },
    sites: [],
    database: 'platform',
    type: 'fleet:index:Database',
    secret: { namespace: 'kills-1', name: 'platform' },
    logins: { platform_owner: 'MIGRATION_PASSWORD', platform_app: 'DATABASE_PASSWORD' },
  },
];

beforeAll(() => installGatewayApi(bed.kubernetes.api));

async function query(login: { user: string; password: string }, database: string, text: string): Promise<unknown[]> {
  const client = new pg.Client({ host: bed.postgres.host, port: bed.postgres.port, database, ...login });
  await client.connect();
  try {
    return (await client.query(text)).rows as unknown[];
  } finally {
    await client.end();
  }
}

const databaseIsThere = async (name: string) =>
  (await query(bed.postgres, 'postgres', `select from pg_database where datname = '${name}'`)).length > 0;

/** Starts an update and ends the engine by SIGKILL when `reached` says so; false where the update was done before. */
async function killWhen(project: PulumiProject, reached: (output: string) => Promise<boolean>): Promise<boolean> {
  const { child, ended } = project.start(['up', '--yes', '--skip-preview', '--stack', project.stack]);
  let output = '';
  child.stdout?.on('data', (chunk: string) => {
    output += chunk;
  });
  for (const deadline = Date.now() + 120_000; child.exitCode === null && !(await reached(output)); ) {
    if (Date.now() > deadline) throw new Error(`expected the moment within two minutes; got ${output}`);
    await sleep(5);
  }
  child.kill('SIGKILL');
  const { exitCode } = await ended;
  if (exitCode === null) return true;
  expect([exitCode, output]).toEqual([0, output]);
  return false;
}

describe.each(programs)(`an update that makes $what, its engine killed (seed ${seed})`, (program) => {
  const { settings, sites, database, type, secret, logins } = program;
  let project: PulumiProject;
  beforeAll(async () => {
    const name = `kills-${programs.indexOf(program)}`;
    const images = { site: 'ghost-fleet/site:dev', platform: 'ghost-fleet/platform:dev' };
    project = await copyFleetOnto(bed, name, { sites, settings: { namespace: name, images, ...settings } });
  });
  afterAll(async () => {
    await project?.run('cancel', '--yes');
    await project?.destroyUnprotected();
  });

  /** What a person does after a kill: nothing but `cancel`, which takes the lock of the engine that is gone. */
  const unlock = async () => expect((await project.run('cancel', '--yes')).exitCode).toBe(0);

  it('is killed when the database stands and the state does not know it', async () => {
    expect(await killWhen(project, () => databaseIsThere(database))).toBe(true);
    expect(await project.hasRecorded(type)).toBe(false);
    await unlock();
  });

  it('is killed at seeded moments of the updates after that', async () => {
    let kills = 0;
    for (let update = 0; update < 3; update += 1) {
      const moment = { lines: random.integer(1, 8), ms: random.integer(0, 200) };
      const killed = await killWhen(project, async (output) => {
        if ((output.match(/^.*\b(creat|updat)(ing|ed)\b.*$/gm) ?? []).length < moment.lines) return false;
        await sleep(moment.ms);
        return true;
      });
      if (killed) kills += 1;
      console.log(`${program.what}: ${killed ? 'killed' : 'done'} ${moment.ms} ms after line ${moment.lines}`);
      await unlock();
    }
    expect(kills).toBeGreaterThan(0);
  });

  it('is healed by the next one, without another step', async () => {
    await project.up('--skip-preview');
    expect((await project.run('preview', '--expect-no-changes')).exitCode).toBe(0);
    const values = await readSecret(bed.kubernetes.api, secret.namespace, secret.name);
    for (const [user, variable] of Object.entries(logins)) {
      const password = values[variable] ?? '';
      expect(await query({ user, password }, database, 'select current_user::text as role')).toEqual([{ role: user }]);
    }
    const closed = `select has_database_privilege('public', '${database}', 'connect') as open`;
    expect(await query(bed.postgres, 'postgres', closed)).toEqual([{ open: false }]);
  });
});

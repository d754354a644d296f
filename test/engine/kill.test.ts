import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Random } from '../../scripts/dataset/random.ts';
import { namesOf } from '../../sites/naming.ts';
import { useEngineBed } from '../support/engine/bed.ts';
import { installGatewayApi } from '../support/engine/gateway-api.ts';
import { PulumiProject } from '../support/engine/project.ts';

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
    secret: `/api/v1/namespaces/${namesOf(slug).namespace}/secrets/ghost-database`,
    logins: { [namesOf(slug).ownerRole]: 'DATABASE_PASSWORD' },
  },
  {
    what: 'the platform and its own database',
    settings: { platform: { enabled: true }, mail: { host: 'smtp.example.test', from: 'fleet@example.test' } },
    sites: [],
    database: 'platform',
    type: 'fleet:index:Database',
    secret: '/api/v1/namespaces/kills-1/secrets/platform',
    logins: { platform_owner: 'MIGRATION_PASSWORD', platform_app: 'DATABASE_PASSWORD' },
  },
];

beforeAll(() => installGatewayApi(bed.kubernetes.api));

async function createProject(name: string, settings: object, sites: readonly string[]): Promise<PulumiProject> {
  const { dir, environment, kubernetes, postgres } = bed;
  const { port, password } = postgres;
  const project = await PulumiProject.copyFleet(
    path.join(dir, name),
    { ...environment, variables: { ...environment.variables, KUBECONFIG: kubernetes.kubeconfig } },
    {
      databaseStrategy: 'database',
      baseDomain: 'sites.example.test',
      region: 'eu',
      namespace: name,
      clusters: [
        { name: 'eu-1', region: 'eu', kind: 'external', host: '127.0.0.1', port, ssl: 'off', cidrs: ['10.0.0.0/8'] },
      ],
      images: { site: 'ghost-fleet/site:dev', platform: 'ghost-fleet/platform:dev' },
      ...settings,
    },
    { 'ghost-fleet:clusterPasswords': JSON.stringify({ 'eu-1': password }) },
  );
  const registry = path.join(project.dir, 'sites');
  for (const file of await readdir(registry)) {
    if (file.endsWith('.yaml') && !sites.includes(path.basename(file, '.yaml'))) await rm(path.join(registry, file));
  }
  return project;
}

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
    project = await createProject(`kills-${programs.indexOf(program)}`, settings, sites);
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
    const { data } = (await bed.kubernetes.api.send('GET', secret)) as { data: Record<string, string> };
    for (const [user, variable] of Object.entries(logins)) {
      const password = Buffer.from(data[variable] ?? '', 'base64').toString('utf8');
      expect(await query({ user, password }, database, 'select current_user::text as role')).toEqual([{ role: user }]);
    }
    const closed = `select has_database_privilege('public', '${database}', 'connect') as open`;
    expect(await query(bed.postgres, 'postgres', closed)).toEqual([{ open: false }]);
  });
});

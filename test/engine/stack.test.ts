import { spawnSync } from 'node:child_process';
import { cp, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { secretsPath } from '../../components/binding.ts';
import { previewStack } from '../../scripts/preview/resource-diff.ts';
import { namesOf } from '../../sites/naming.ts';
import { useEngineBed } from '../support/engine/bed.ts';
import { readSecret } from '../support/engine/container-environment.ts';
import { copyFleetOnto, environmentOn } from '../support/engine/fleet-project.ts';
import { installGatewayApi } from '../support/engine/gateway-api.ts';
import type { PulumiProject } from '../support/engine/project.ts';

const bed = useEngineBed();
const slugs = ['aurora-letters', 'harbour-notes'];
let fleet: PulumiProject;

beforeAll(async () => {
  await installGatewayApi(bed.kubernetes.api);
  // Two clusters on one server: enough to tell a move.
  fleet = await copyFleetOnto(bed, 'fleet', { regions: ['eu', 'us'], sites: slugs });
  await symlink(path.resolve('.tools'), path.join(fleet.dir, '.tools'));
  await fleet.up('--skip-preview');
});
afterAll(async () => {
  await fleet?.destroyUnprotected();
});

const yamlOf = (slug: string) => path.join(fleet.dir, 'sites', `${slug}.yaml`);

interface Login {
  readonly user?: string;
  readonly password?: string;
  readonly database?: string;
}

async function query(login: Login, text: string): Promise<Record<string, unknown>[]> {
  const { host, port, user, password } = bed.postgres;
  const client = new pg.Client({ host, port, user, password, database: 'postgres', ...login });
  await client.connect();
  try {
    return (await client.query(text)).rows as Record<string, unknown>[];
  } finally {
    await client.end();
  }
}

const find = (location: string) => bed.kubernetes.api.send('GET', location).catch((error: Error) => error.message);

/** Objects of a site, by the paths of the API. */
const objectOf = (slug: string, kind: string, name: string) => {
  const [group, plural] =
    kind.split('/').length === 1 ? ['api/v1', kind] : [`apis/${path.dirname(kind)}`, path.basename(kind)];
  return find(`/${group}/namespaces/${namesOf(slug).namespace}/${plural}/${name}`);
};

/** What the stack gave a site to log in with. */
async function loginOf(slug: string): Promise<Required<Login>> {
  const { DATABASE_PASSWORD: password = '' } = await readSecret(
    bed.kubernetes.api,
    namesOf(slug).namespace,
    'ghost-database',
  );
  return { user: namesOf(slug).ownerRole, password, database: namesOf(slug).database };
}

/** Runs the site's entrypoint with its ConfigMap as environment and its Secret as files, as its container would. */
async function migrate(slug: string): Promise<{ status: number | null; output: string }> {
  const dir = path.join(bed.dir, slug);
  await mkdir(path.join(dir, 'content'), { recursive: true });
  const { data } = (await objectOf(slug, 'configmaps', 'ghost-config')) as { data: Record<string, string> };
  await writeFile(path.join(dir, 'DATABASE_PASSWORD'), (await loginOf(slug)).password, { mode: 0o600 });
  const environment = Object.entries(data).map(([name, value]) => [name, value.replace(secretsPath, dir)]);
  const { status, stdout, stderr } = spawnSync(process.execPath, ['runtime/site/entrypoint.ts', 'migrate'], {
    env: { PATH: process.env.PATH, ...Object.fromEntries(environment), CONTENT_PATH: path.join(dir, 'content') },
    encoding: 'utf8',
  });
  return { status, output: stdout + stderr };
}

describe("the fleet's own program on the real engine", () => {
  it('makes a database, a role and objects in a namespace for each YAML', async () => {
    for (const slug of slugs) {
      const { database, ownerRole } = namesOf(slug);
      expect(await query(await loginOf(slug), 'select current_database() as database, current_user as role')).toEqual([
        { database, role: ownerRole },
      ]);
      expect(await objectOf(slug, 'apps/v1/deployments', 'ghost')).toMatchObject({
        spec: { template: { spec: { containers: [{ name: 'ghost', image: 'ghost-fleet/site:dev' }] } } },
      });
      expect(await objectOf(slug, 'services', 'ghost')).toMatchObject({
        spec: { ports: [{ port: 2368 }, { name: 'probes', port: 2369 }] },
      });
      expect(await objectOf(slug, 'gateway.networking.k8s.io/v1/httproutes', 'ghost')).toMatchObject({
        spec: { hostnames: expect.arrayContaining([`${slug}.sites.example.test`]) },
      });
    }
    expect(await find('/api/v1/namespaces/site-slow-kitchen')).toMatch(/not found/);
  });

  it("lets no site's role into its neighbour's database", async () => {
    const [mine, neighbour] = await Promise.all(slugs.map(loginOf));
    await expect(query({ ...mine, database: neighbour?.database ?? '' }, 'select 1')).rejects.toThrow(
      /permission denied for database/,
    );
  });

  it('gives the site an environment that its entrypoint migrates with', async () => {
    const { status, output } = await migrate('harbour-notes');
    expect([status, output]).toEqual([0, expect.any(String)]);
    expect(await query(await loginOf('harbour-notes'), 'select count(*)::int > 0 as filled from posts')).toEqual([
      { filled: true },
    ]);
  });

  it('finds nothing to do the second time', async () => {
    const { output } = await fleet.up('--skip-preview', '--expect-no-changes');
    expect(output).toMatch(/\d+ unchanged/);
    // Pulumi.yaml's arguments reach Node.
    expect(output).not.toMatch(/ExperimentalWarning/);
  });

  it('keeps no secret in plain in its state', async () => {
    const state = await fleet.readState();
    expect(state).toContain('ghost_site_aurora_letters');
    const passwords = await Promise.all(slugs.map(async (slug) => (await loginOf(slug)).password));
    for (const secret of [bed.postgres.password, ...passwords]) {
      expect(secret.length).toBeGreaterThanOrEqual(16);
      expect(state).not.toContain(secret);
      expect(state).not.toContain(Buffer.from(secret).toString('base64'));
    }
  });

  it('takes a site away with its YAML, keeps its rows, and serves the same rows when the YAML comes back', async () => {
    const slug = 'harbour-notes';
    const admin = { database: namesOf(slug).database };
    const before = await loginOf(slug);
    await query(before, "create table kept (word text); insert into kept values ('still here')");
    const neighbour = (await objectOf('aurora-letters', 'apps/v1/deployments', 'ghost')) as unknown as Versioned;
    await rm(yamlOf(slug));
    await fleet.up('--skip-preview');

    expect(await objectOf(slug, 'apps/v1/deployments', 'ghost')).toMatch(/not found/);
    expect(await objectOf(slug, 'gateway.networking.k8s.io/v1/httproutes', 'ghost')).toMatch(/not found/);
    expect(await query(admin, 'select word from kept')).toEqual([{ word: 'still here' }]);

    await cp(path.resolve('sites', `${slug}.yaml`), yamlOf(slug));
    await fleet.up('--skip-preview');
    expect(await objectOf(slug, 'apps/v1/deployments', 'ghost')).toMatchObject({ metadata: { name: 'ghost' } });
    const after = await loginOf(slug);
    expect(after.password).not.toBe(before.password);
    expect(await query(after, 'select word from kept')).toEqual([{ word: 'still here' }]);
    expect(await objectOf('aurora-letters', 'apps/v1/deployments', 'ghost')).toMatchObject({
      metadata: { generation: neighbour.metadata.generation, resourceVersion: neighbour.metadata.resourceVersion },
    });
  });

  it.each([
    ['another cluster', 'database: { cluster: us-1 }', /expected "eu-1", since the data is there; got "us-1"/],
    [
      'another strategy',
      'database: { strategy: schema }',
      /expected "database", since the data is there; got "schema"/,
    ],
    [
      'a SQLite file',
      'database: { strategy: sqlite }',
      /expected "database", since the data is there; got "sqlite".*site:export/,
    ],
  ])("refuses at the preview to move a site's data to %s", async (_where, database, reason) => {
    const text = await readFile(yamlOf('aurora-letters'), 'utf8');
    const region = database.includes('us-1') ? 'region: us' : 'region: eu';
    const moved = text.replace('database: { cluster: eu-1 }', database).replace('region: eu', region);
    expect(moved).not.toBe(text);
    await writeFile(yamlOf('aurora-letters'), moved);
    try {
      const refused = await fleet.run('preview');
      expect(refused.exitCode).not.toBe(0);
      expect(refused.output).toMatch(reason);
      // As npm run preview and npm run up are told.
      const told = await previewStack(fleet.dir, fleet.stack, environmentOn(bed));
      expect(told).toMatchObject({ refused: expect.arrayContaining([expect.stringMatching(reason)]) });
    } finally {
      await writeFile(yamlOf('aurora-letters'), text);
    }
  });

  it('refuses to start a schema or a database beside the SQLite file of a site', async () => {
    const slug = 'slow-kitchen';
    const text = (await readFile(path.resolve('sites', `${slug}.yaml`), 'utf8')).replace(/^database:.*\n/m, '');
    const place = (strategy: string) => writeFile(yamlOf(slug), `${text}database: { strategy: ${strategy} }\n`);
    try {
      await place('sqlite');
      await fleet.up('--skip-preview');
      for (const [strategy, command] of Object.entries({
        schema: ['preview'],
        database: ['up', '--yes', '--skip-preview'],
      })) {
        await place(strategy);
        const refused = await fleet.run(...command);
        expect(refused.exitCode).not.toBe(0);
        expect(refused.output).toMatch(`expected "sqlite", since the data is there; got "${strategy}"`);
      }
      expect(await query({}, "select from pg_roles where rolname like 'site_slow_kitchen%'")).toEqual([]);
    } finally {
      await rm(yamlOf(slug));
      await fleet.up('--skip-preview');
    }
  });

  it('starts no site empty that comes back at another place than its data', async () => {
    const slug = 'harbour-notes';
    const text = await readFile(yamlOf(slug), 'utf8');
    await rm(yamlOf(slug));
    await fleet.up('--skip-preview');
    try {
      await writeFile(yamlOf(slug), `${text.replace(/^database:.*\n/m, '')}database: { strategy: sqlite }\n`);
      const refused = await fleet.run('up', '--yes', '--skip-preview');
      expect(refused.exitCode).not.toBe(0);
      expect(refused.output).toMatch(/got the database ghost_site_harbour_notes of eu-1: data does not move by itself/);
      expect(await objectOf(slug, 'apps/v1/deployments', 'ghost')).toMatch(/not found/);
    } finally {
      await writeFile(yamlOf(slug), text);
      await fleet.up('--skip-preview');
    }
    expect(await query(await loginOf(slug), 'select word from kept')).toEqual([{ word: 'still here' }]);
  });

  it('destroys everything but data and what is protected', async () => {
    const { output } = await fleet.destroyUnprotected();
    expect(output).toMatch(/protected resources/);
    for (const slug of slugs) expect(await objectOf(slug, 'apps/v1/deployments', 'ghost')).toMatch(/not found/);
    expect(await query({ database: namesOf('harbour-notes').database }, 'select word from kept')).toEqual([
      { word: 'still here' },
    ]);
  });
});

interface Versioned {
  readonly metadata: { readonly generation: number; readonly resourceVersion: string };
}

import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withClient } from '../../runtime/database/administrator.ts';
import { namesOf } from '../../sites/naming.ts';
import { useEngineBed } from '../support/engine/bed.ts';
import { containerEnvironment } from '../support/engine/container-environment.ts';
import { copyFleetOnto } from '../support/engine/fleet-project.ts';
import { installGatewayApi } from '../support/engine/gateway-api.ts';
import type { PulumiProject } from '../support/engine/project.ts';
import { type CommandResult, runScript } from '../support/run-script.ts';

const bed = useEngineBed();
const slug = 'harbour-notes';
const { database, schema } = namesOf(slug);
let fleet: PulumiProject;

beforeAll(async () => {
  await installGatewayApi(bed.kubernetes.api);
  fleet = await copyFleetOnto(bed, 'fleet', { sites: [slug] });
});
afterAll(async () => {
  await fleet?.destroyUnprotected();
});

const yaml = () => path.join(fleet.dir, 'sites', `${slug}.yaml`);

/** Runs a command for the site as the stack's container would be, past the pooler, which has no pod here. */
async function forSite(file: string, ...args: readonly string[]): Promise<CommandResult> {
  const told = await containerEnvironment(bed.kubernetes.api, slug);
  const { host, port } = bed.postgres;
  // vitest's own word for where it runs would have Ghost read settings of its tests.
  const place = { NODE_ENV: 'production', CONTENT_PATH: path.join(bed.dir, 'content') };
  const here = { ...place, DATABASE_HOST: host, DATABASE_PORT: String(port) };
  return runScript(file, args, { ...told, ...here });
}

const rows = (inside: string, text: string) =>
  withClient(bed.postgres, inside, async (client) => (await client.query(text)).rows as unknown[]);

describe("a site's data", () => {
  it("moves to another strategy by the README's steps, and the old place stays as it was", async () => {
    await fleet.up('--skip-preview');
    const migrated = await forSite('runtime/site/entrypoint.ts', 'migrate');
    expect(migrated.exitCode, migrated.stdout + migrated.stderr).toBe(0);
    await rows(database, "update posts set title = 'Written before the move' where slug = 'coming-soon'");
    const title = `select title from posts where slug = 'coming-soon'`;

    const file = path.join(bed.dir, 'moved.db');
    const exported = await forSite('scripts/site-export.ts', slug, '--environment', '--to', `sqlite:${file}`);
    expect(exported.exitCode, exported.stdout + exported.stderr).toBe(0);
    const text = await readFile(yaml(), 'utf8');
    await rm(yaml());
    await fleet.up('--skip-preview');
    await rows('postgres', `comment on database ${database} is null`);
    const moved = `${text.replace(/^(database|state):.*\n/gm, '')}database: { strategy: schema }\n`;
    await writeFile(yaml(), `${moved}state: paused\n`);
    await fleet.up('--skip-preview');

    const imported = await forSite('scripts/site-import.ts', slug, '--environment', '--from', `sqlite:${file}`);
    expect(imported.exitCode, imported.stdout + imported.stderr).toBe(0);
    await writeFile(yaml(), moved);
    await fleet.up('--skip-preview');
    expect(await containerEnvironment(bed.kubernetes.api, slug)).toMatchObject({ DATABASE_STRATEGY: 'schema' });
    const again = await forSite('runtime/site/entrypoint.ts', 'migrate');
    expect(again.exitCode, again.stdout + again.stderr).toBe(0);
    const inSchema = title.replace('posts', `${schema}.posts`);
    expect(await rows('ghost_sites', inSchema)).toEqual([{ title: 'Written before the move' }]);
    expect(await rows(database, title)).toEqual([{ title: 'Written before the move' }]);
  }, 240_000);
});

import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { describe, expect, it } from 'vitest';
import { useEngineBed } from '../support/engine/bed.ts';
import { PulumiProject } from '../support/engine/project.ts';

const bed = useEngineBed();

/** A program with one of everything: a generated password, a role and a database with it, and objects in Kubernetes. */
const program = (name: string, more = '') => `
import * as kubernetes from '@pulumi/kubernetes';
import * as postgresql from '@pulumi/postgresql';
import * as pulumi from '@pulumi/pulumi';
import * as random from '@pulumi/random';

const config = new pulumi.Config();
const cluster = new kubernetes.Provider('cluster', { kubeconfig: config.require('kubeconfig') });
const server = new postgresql.Provider('server', {
  host: '127.0.0.1', port: config.requireNumber('port'), username: 'postgres', sslmode: 'disable', superuser: true,
  password: config.requireSecret('password'),
});
interface Named { readonly name: string }
const { name }: Named = { name: '${name}' };
const password = new random.RandomPassword('password', { length: 32, special: false });
const role = new postgresql.Role('role', { name, login: true, password: password.result }, { provider: server });
const database = new postgresql.Database('database', { name, owner: role.name }, { provider: server });
${more}
const namespace = new kubernetes.core.v1.Namespace('namespace', { metadata: { name } }, { provider: cluster });
const metadata = { name: 'settings', namespace: namespace.metadata.name };
new kubernetes.core.v1.ConfigMap('settings', { metadata, data: { database: database.name } }, { provider: cluster });
new kubernetes.core.v1.Secret('password', {
  metadata: { ...metadata, name: 'password' }, stringData: { password: password.result },
}, { provider: cluster });
export const result = password.result;
`;

/** The same name for everything that a test makes on the shared servers. */
let made = 0;
const freshName = () => `bed-${process.pid}-${++made}`;

async function createProject(name: string, text: string): Promise<PulumiProject> {
  const { dir, environment, kubernetes, postgres } = bed;
  const config = { kubeconfig: kubernetes.kubeconfig, port: String(postgres.port) };
  return PulumiProject.create(path.join(dir, name), environment, text, config, { password: postgres.password });
}

async function query(text: string, values: readonly string[]): Promise<Record<string, unknown>[]> {
  const { host, port, user, password } = bed.postgres;
  const client = new pg.Client({ host, port, user, password, database: 'postgres' });
  await client.connect();
  try {
    return (await client.query(text, [...values])).rows;
  } finally {
    await client.end();
  }
}

const findDatabase = (name: string) =>
  query('select rolname as owner from pg_database d join pg_roles r on r.oid = d.datdba where datname = $1', [name]);

const find = (location: string) => bed.kubernetes.api.send('GET', location).catch((error: Error) => error.message);

describe('the real engine', () => {
  it('creates on real servers, finds nothing to do again, and removes what it made', async () => {
    const name = freshName();
    const project = await createProject(name, program(name));
    let password = '';
    try {
      await project.up();
      expect(await findDatabase(name)).toEqual([{ owner: name }]);
      expect(await find(`/api/v1/namespaces/${name}/configmaps/settings`)).toMatchObject({ data: { database: name } });
      password = (await project.run('stack', 'output', '--show-secrets', 'result')).output.trim();
      expect(password).toHaveLength(32);
      expect(await find(`/api/v1/namespaces/${name}/secrets/password`)).toMatchObject({
        data: { password: Buffer.from(password).toString('base64') },
      });

      expect((await project.run('preview', '--expect-no-changes')).exitCode).toBe(0);
      expect((await project.up('--expect-no-changes')).output).toMatch(/\d+ unchanged/);

      const state = await project.readState();
      expect(state).toContain(`"${name}"`);
      for (const secret of [password, bed.postgres.password]) {
        expect(state).not.toContain(secret);
        expect(state).not.toContain(Buffer.from(secret).toString('base64'));
      }
    } finally {
      await project.destroy();
    }
    expect(await findDatabase(name)).toEqual([]);
    expect(await find(`/api/v1/namespaces/${name}`)).toMatch(/not found/);
  });

  it('stops at the preview where a field has the wrong type or a name that does not exist', async () => {
    const name = freshName();
    const text = program(name, "const replicas = 'three' as unknown as number;").replace(
      'export const result',
      `new kubernetes.apps.v1.Deployment('web', { metadata: { name: 'web', namespace: 'default' }, spec: {
        replicas, selector: { matchLabels: { app: 'web' } },
        template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'web', image: 'web' }] } },
      } }, { provider: cluster });
      export const result`,
    );
    const project = await createProject(name, text);
    try {
      const wrongType = await project.run('preview');
      expect(wrongType.exitCode).not.toBe(0);
      expect(wrongType.output).toMatch(/replicas/);
      await project.write(
        text.replace("image: 'web'", "image: 'web', imagePolicy: 'Always' as never").replace("'three'", '3'),
      );
      const wrongName = await project.run('preview');
      expect(wrongName.exitCode).not.toBe(0);
      expect(wrongName.output).toMatch(/imagePolicy/);
      expect(await findDatabase(name)).toEqual([]);
    } finally {
      await project.destroy();
    }
  });

  it('goes on where a killed engine stopped', async () => {
    const name = freshName();
    const pause = path.join(bed.dir, `${name}.go`);
    const project = await createProject(
      name,
      program(
        name,
        `import { existsSync } from 'node:fs';
         await new Promise((resolve) => database.id.apply(resolve));
         while (!existsSync('${pause}')) await new Promise((resolve) => setTimeout(resolve, 50));`,
      ),
    );
    try {
      const { child, ended } = project.start(['up', '--yes', '--skip-preview', '--stack', project.stack]);
      const deadline = Date.now() + 120_000;
      while (!(await project.hasRecorded('postgresql:index/database:Database'))) {
        expect(child.exitCode).toBeNull();
        expect(Date.now()).toBeLessThan(deadline);
        await sleep(100);
      }
      child.kill('SIGKILL');
      await ended;
      expect(await find(`/api/v1/namespaces/${name}`)).toMatch(/not found/);
      await writeFile(pause, '');
      expect(existsSync(pause)).toBe(true);

      const locked = await project.run('up', '--yes');
      expect(locked.exitCode).not.toBe(0);
      expect(locked.output).toMatch(/locked/);
      expect((await project.run('cancel', '--yes')).exitCode).toBe(0);
      const { output } = await project.up();
      expect(output).not.toMatch(/postgresql:index:Role .*created/);
      expect(await find(`/api/v1/namespaces/${name}`)).toMatchObject({ metadata: { name } });
      expect((await project.run('preview', '--expect-no-changes')).exitCode).toBe(0);
    } finally {
      await project.destroy();
    }
  });

  it('does not take over what somebody else made, as upstream does not', async () => {
    const name = freshName();
    await bed.kubernetes.api.send('POST', '/api/v1/namespaces', { metadata: { name } });
    const project = await createProject(name, program(name));
    try {
      const refused = await project.run('up', '--yes');
      expect(refused.exitCode).not.toBe(0);
      expect(refused.output).toMatch(/already exists/);
      await project.write(
        program(name).replace('kubeconfig: config', 'upsertExistingObjects: true, kubeconfig: config'),
      );
      await project.up();
    } finally {
      await project.destroy();
    }
  });
});

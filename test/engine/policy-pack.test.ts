import { appendFile, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { withClient } from '../../runtime/database/administrator.ts';
import { useEngineBed } from '../support/engine/bed.ts';
import { copyFleetOnto } from '../support/engine/fleet-project.ts';
import { installGatewayApi } from '../support/engine/gateway-api.ts';
import { PulumiProject } from '../support/engine/project.ts';

const bed = useEngineBed();
const pack = path.resolve('stacks/policy');
const withPack = ['--policy-pack', pack];
const passes = /✅ ghost-fleet@v\d+\.\d+\.\d+/;

describe("the fleet's own program", () => {
  let fleet: PulumiProject;
  beforeAll(async () => {
    await installGatewayApi(bed.kubernetes.api);
    fleet = await copyFleetOnto(bed, 'fleet', { regions: ['eu', 'us'] });
  });

  it('passes with the registry as it is', async () => {
    const { exitCode, output } = await fleet.run('preview', ...withPack);
    expect([exitCode, output]).toEqual([0, expect.stringMatching(passes)]);
    expect(output).toMatch(/aurora-letters-deployment create/);
  });

  it('is stopped where a component lets its pods run as root', async () => {
    const file = path.join(fleet.dir, 'components/pod-security.ts');
    const text = await readFile(file, 'utf8');
    await writeFile(file, text.replace('runAsNonRoot: true', 'runAsNonRoot: false'));
    try {
      const { exitCode, output } = await fleet.run('preview', ...withPack);
      expect(exitCode).not.toBe(0);
      expect(output).toMatch(/\[mandatory\].* pods-are-restricted /);
      expect(output).toMatch(/aurora-letters-deployment: may run as root/);
    } finally {
      await writeFile(file, text);
    }
  });
});

describe('a program of somebody else', () => {
  const findRole = "select from pg_roles where rolname = 'hostile_role'";
  let count = 0;
  /** A role of PostgreSQL, by this project's own provider, whose password is whatever an expression of the program says. */
  function roleWith(password: string): string {
    const { host, port, user, password: adminPassword } = bed.postgres;
    const admin = JSON.stringify({ host, port, user, password: adminPassword, ssl: 'off' });
    return `
      const inputs = { name: 'hostile_role', connectionLimit: 1, password: ${password}, admin: pulumi.secret(${admin}) };
      const kept = { protect: true, retainOnDelete: true };
      new (class extends pulumi.CustomResource {})('fleet:index:Role', 'login', inputs, kept);`;
  }

  /** A program with resources of Kubernetes, in a project that knows where the pack's runtime is. */
  async function createProject(resources: string): Promise<PulumiProject> {
    count += 1;
    const program = `
      import * as kubernetes from '@pulumi/kubernetes';
      import * as pulumi from '@pulumi/pulumi';
      import * as random from '@pulumi/random';
      const provider = new kubernetes.Provider('cluster', { kubeconfig: new pulumi.Config().require('kubeconfig') });
      const metadata = { name: 'hostile-${count}', namespace: 'default' };
      const options: pulumi.CustomResourceOptions = { provider };
      ${resources}`;
    const kubeconfig = await readFile(bed.kubernetes.kubeconfig, 'utf8');
    const project = await PulumiProject.create(path.join(bed.dir, `hostile-${count}`), bed.environment, program, {
      kubeconfig,
    });
    const plugins = {
      providers: [{ name: 'fleet', path: path.resolve('components/provider') }],
      analyzers: [{ name: 'policy-fleet', path: pack }],
    };
    await appendFile(path.join(project.dir, 'Pulumi.yaml'), stringify({ plugins }));
    return project;
  }

  it.each([
    [
      'a Service that is open to the world',
      () =>
        `new kubernetes.core.v1.Service('web', { metadata, spec: { type: 'LoadBalancer', ports: [{ port: 80 }] } }, options);`,
      /nothing-is-public[\s\S]*web: a Service of type LoadBalancer/,
    ],
    [
      'a password in plain',
      () => roleWith("'a password in plain'"),
      /credentials-are-secret[\s\S]*login: password is not secret/,
    ],
    [
      'a pod without limits that takes its password from a variable',
      () => `new kubernetes.apps.v1.Deployment('pods', { metadata, spec: {
         selector: { matchLabels: { app: 'a' } },
         template: { metadata: { labels: { app: 'a' } }, spec: {
           containers: [{ name: 'c', image: 'c', env: [{ name: 'DATABASE_PASSWORD', value: 'p' }] }],
         } },
       } }, options);`,
      /c has no limits of memory[\s\S]*c is given DATABASE_PASSWORD as a variable/,
    ],
    [
      'a wall with a hole to the metadata service',
      () => `new kubernetes.networking.v1.NetworkPolicy('wall', { metadata, spec: {
         podSelector: {}, policyTypes: ['Ingress', 'Egress'],
         egress: [{ to: [{ ipBlock: { cidr: '0.0.0.0/0', except: ['10.0.0.0/8'] } }], ports: [{ port: 80 }] }],
       } }, options);`,
      /neighbours-are-out-of-reach[\s\S]*wall: reaches 169\.254\.0\.0\/16/,
    ],
    [
      'one host for two sites',
      () => `for (const namespace of ['default', 'kube-public']) {
         new kubernetes.networking.v1.Ingress(namespace, {
           metadata: { name: metadata.name, namespace },
           spec: { rules: [{ host: 'letters.example.test' }] },
         }, options);
       }`,
      /hosts-lead-to-one-site[\s\S]*letters\.example\.test: leads to default and kube-public/,
    ],
  ])('is stopped at its preview: %s', async (_what, resources, said) => {
    const project = await createProject(resources());
    try {
      expect((await project.run('preview')).exitCode).toBe(0);
      const { exitCode, output } = await project.run('preview', ...withPack);
      expect(exitCode).not.toBe(0);
      expect(output).toMatch(said);
      expect(output).toMatch(/❌ ghost-fleet@v/);
    } finally {
      await project.destroy();
    }
  });

  it('is stopped in the update where a value was not known before: nothing is made of a secret that is none', async () => {
    const made = "new random.RandomString('made', { length: 24 }).result";
    const project = await createProject(roleWith(made));
    try {
      expect((await project.run('preview', ...withPack)).exitCode).toBe(0);
      const { exitCode, output } = await project.run('up', '--yes', '--skip-preview', ...withPack);
      expect(exitCode).not.toBe(0);
      expect(output).toMatch(/login: password is not secret/);
      expect(await withClient(bed.postgres, 'postgres', (client) => client.query(findRole))).toMatchObject({
        rowCount: 0,
      });
    } finally {
      await project.destroy();
    }
  });
});

import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as pulumi from '@pulumi/pulumi';
import { parse, stringify } from 'yaml';
import { secretPathsOf, unwrap } from '../../components/provider/wire.ts';
import type { Subject } from '../../stacks/policy/subject.ts';
import { deployStack } from '../../stacks/program.ts';
import { shardStackName } from '../../stacks/settings.ts';

/** Pulumi's own isolation of one program from the next in the same process; its types are kept out of the package. */
const { withLocalStorage } = createRequire(import.meta.url)('@pulumi/pulumi/runtime/state.js') as {
  withLocalStorage<T>(use: () => Promise<T>): Promise<T>;
};

/** A resource as the program registered it. */
export interface PlannedResource extends Subject {
  /** Types of its parents and its own, as a URN has them. */
  readonly parentTypes: string;
  readonly inputs: Record<string, unknown>;
  readonly retainOnDelete: boolean;
  readonly ignoreChanges: readonly string[];
  /** URNs of what is made before it. */
  readonly dependencies: readonly string[];
}

/** A function of a provider that the program called. */
export interface PlannedCall {
  readonly token: string;
  readonly inputs: Record<string, unknown>;
}

export interface Plan {
  readonly resources: readonly PlannedResource[];
  readonly calls: readonly PlannedCall[];
  readonly outputs: Record<string, unknown>;
}

export interface PlanOptions {
  /** Values that replace or join those of the stack's file, without the prefix `ghost-fleet:`. */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly secrets?: Readonly<Record<string, unknown>>;
  /** Registry: file name → text. @default the project's own */
  readonly sites?: Readonly<Record<string, string>>;
  /** Outputs of the stack that a shard refers to. */
  readonly referenced?: Readonly<Record<string, unknown>>;
  /** Run this shard of the stack instead of the stack itself. */
  readonly shard?: { readonly number: number; readonly shards: number };
}

/**
 * Runs the real program of a stack against Pulumi's mocks: every resource that it registers is recorded, a function or a
 * type that is not known to this file fails.
 */
export async function planStack(stackFile: string, options: PlanOptions = {}): Promise<Plan> {
  const project = await mkdtemp(path.join(tmpdir(), 'ghost-fleet-policy-'));
  try {
    const config = await writeProject(project, stackFile, options);
    const stack = options.shard === undefined ? stackFile : shardStackName(stackFile, options.shard.number);
    return await withLocalStorage(() => run(project, stack, config, options));
  } finally {
    await rm(project, { recursive: true });
  }
}

async function run(
  project: string,
  stack: string,
  config: Record<string, string>,
  options: PlanOptions,
): Promise<Plan> {
  const resources: PlannedResource[] = [];
  const calls: PlannedCall[] = [];
  await pulumi.runtime.setMocks(
    {
      newResource: ({ type, name, inputs }) => ({
        id: `${name}-id`,
        state: { ...inputs, ...outputsOf(type, name, inputs as Record<string, unknown>, options) },
      }),
      call: ({ token, inputs }) => {
        if (token !== 'aws:iam/getPolicyDocument:getPolicyDocument') throw new Error(`unknown function ${token}`);
        calls.push({ token, inputs: inputs as Record<string, unknown> });
        return { ...inputs, id: 'document', json: JSON.stringify(inputs) };
      },
    },
    'ghost-fleet',
    stack,
    false,
    'organization',
  );
  record(resources);
  pulumi.runtime.setAllConfig(
    config,
    Object.keys(options.secrets ?? {}).map((key) => `ghost-fleet:${key}`),
  );
  const outputs = await settle(await deployStack(project));
  await pulumi.runtime.disconnect();
  return { resources, calls, outputs: outputs as Record<string, unknown> };
}

interface RegisterRequest {
  getType(): string;
  getName(): string;
  getParent(): string;
  getObject(): { toJavaScript(): Record<string, unknown> } | undefined;
  getProtect(): boolean;
  getRetainondelete(): boolean;
  getIgnorechangesList(): string[];
  getDependenciesList(): string[];
}

/** Pulumi's mocks hand over inputs only; what a policy has to see as well is in the request itself. */
function record(resources: PlannedResource[]): void {
  const monitor = pulumi.runtime.getMonitor() as unknown as {
    registerResource(request: RegisterRequest, callback: unknown): void;
  };
  const register = monitor.registerResource.bind(monitor);
  monitor.registerResource = (request, callback) => {
    const raw = request.getObject()?.toJavaScript() ?? {};
    resources.push({
      type: request.getType(),
      name: request.getName(),
      parentTypes: request.getParent().split('::')[2] ?? '',
      inputs: unwrap(raw) as Record<string, unknown>,
      secretPaths: secretPathsOf(raw),
      protect: request.getProtect(),
      retainOnDelete: request.getRetainondelete(),
      ignoreChanges: request.getIgnorechangesList(),
      dependencies: request.getDependenciesList(),
    });
    register(request, callback);
  };
}

/** What providers would add to the inputs of the types that the program reads from. */
function outputsOf(
  type: string,
  name: string,
  inputs: Record<string, unknown>,
  options: PlanOptions,
): Record<string, unknown> {
  switch (type) {
    case 'random:index/randomBytes:RandomBytes':
      return {
        hex: `hex-of-${name}-0123456789abcdef`,
        base64: createHash('sha256').update(name).digest('base64'),
      };
    case 'fleet:index:SiteDatabase': {
      const identifier = String(inputs.slug).replaceAll('-', '_');
      const own = inputs.strategy === 'database';
      return {
        database: own ? `ghost_site_${identifier}` : 'ghost_sites',
        schema: own ? 'public' : `site_${identifier}`,
        user: `site_${identifier}`,
      };
    }
    case 'fleet:index:Role':
      return { verifier: `SCRAM-SHA-256$correct-horse-${name}` };
    case 'fleet:index:SearchIndex':
      return { searchKey: `search-key-of-${name}`, indexingKey: `indexing-key-of-${name}` };
    case 'pulumi:pulumi:StackReference':
      return { outputs: options.referenced ?? {}, secretOutputNames: ['credentials'] };
    case 'aws:rds/instance:Instance':
      return { address: `${String(inputs.identifier)}.rds.example`, arn: `arn:aws:rds:::${name}` };
    case 'aws:s3/bucket:Bucket':
      return {
        arn: `arn:aws:s3:::${String(inputs.bucket)}`,
        bucketRegionalDomainName: `${String(inputs.bucket)}.s3.example`,
      };
    case 'aws:cloudfront/distribution:Distribution':
      return { arn: 'arn:aws:cloudfront::1:distribution/D', domainName: 'd.cloudfront.example' };
    case 'aws:elasticache/replicationGroup:ReplicationGroup':
      return { primaryEndpointAddress: 'redis.elasticache.example' };
    case 'aws:iam/role:Role':
      return { arn: `arn:aws:iam::1:role/${String(inputs.name)}` };
    default:
      if (knownTypes.some((known) => known.test(type))) return {};
      throw new Error(`unknown type ${type}`);
  }
}

const knownTypes = [
  /^kubernetes:(core|apps|batch|networking\.k8s\.io|policy|autoscaling)\/v\d:/,
  /^kubernetes:(gateway\.networking\.k8s\.io|cert-manager\.io|monitoring\.coreos\.com|postgresql\.cnpg\.io)\/v1:/,
  /^kubernetes:traefik\.io\/v1alpha1:Middleware$/,
  /^pulumi:(pulumi:Stack|providers:kubernetes)$/,
  /^ghost-fleet:components:/,
  /^fleet:index:(Placement|Database|RedisUser|Registration)$/,
  /^aws:rds\/(subnetGroup|parameterGroup):/,
  /^aws:ec2\/securityGroup:/,
  /^aws:cloudwatch\/metricAlarm:/,
  /^aws:elasticache\/(subnetGroup|user|userGroup|userGroupAssociation):/,
  /^aws:s3\/bucket[A-Za-z]+:/,
  /^aws:cloudfront\/originAccessControl:/,
  /^aws:iam\/rolePolicy:/,
  /^aws:route53\/record:/,
];

/** Makes a project of the stack's file and a registry; returns what Pulumi would hand to the program as configuration. */
async function writeProject(
  project: string,
  stackFile: string,
  { config = {}, secrets = {}, sites, shard }: PlanOptions,
): Promise<Record<string, string>> {
  const prefixed = (values: object) => Object.entries(values).map(([key, value]) => [`ghost-fleet:${key}`, value]);
  const text = await readFile(`stacks/Pulumi.${stackFile}.yaml`, 'utf8');
  const own = (parse(text) as { config: Record<string, unknown> }).config;
  const settings = { ...own, ...Object.fromEntries(prefixed({ ...config, ...(shard && { shards: shard.shards }) })) };
  await mkdir(path.join(project, 'stacks'));
  await writeFile(path.join(project, 'stacks', `Pulumi.${stackFile}.yaml`), stringify({ config: settings }));
  if (sites === undefined) await symlink(path.resolve('sites'), path.join(project, 'sites'));
  else await mkdir(path.join(project, 'sites'));
  for (const [name, yaml] of Object.entries(sites ?? {})) await writeFile(path.join(project, 'sites', name), yaml);

  const shardKeys = shard && { platformStack: stackFile, shard: shard.number };
  const given = {
    ...(shardKeys ? Object.fromEntries(prefixed(shardKeys)) : settings),
    ...Object.fromEntries(prefixed(secrets)),
  };
  return Object.fromEntries(
    Object.entries(given).map(([key, value]) => [key, typeof value === 'string' ? value : JSON.stringify(value)]),
  );
}

/** Awaits every output inside of a value. */
function settle(value: unknown): Promise<unknown> {
  return (pulumi.output(value) as unknown as { promise(): Promise<unknown> }).promise();
}

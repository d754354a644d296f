import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { databaseStrategies } from '../sites/naming.ts';

const name = z.string({ error: 'a name such as eu-1' }).regex(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/, 'a name such as eu-1');

const clusterSchema = z.strictObject({
  name,
  /** Where the cluster's data stays. */
  region: name,
  /** Who runs it: a server that is there already, Amazon RDS, or the operator CloudNativePG. */
  kind: z.enum(['external', 'rds', 'cloudnative-pg'], { error: 'one of external, rds, cloudnative-pg' }),
});

/** The part of `Pulumi.<stack>.yaml` that decides what the registry may say. */
const settingsSchema = z.looseObject({
  'ghost-fleet:databaseStrategy': z.enum(databaseStrategies, { error: `one of ${databaseStrategies.join(', ')}` }),
  'ghost-fleet:baseDomain': z
    .string({ error: 'a domain such as sites.example.com' })
    .regex(/^[a-z0-9-]+(\.[a-z0-9-]+)+$/, 'a domain such as sites.example.com'),
  'ghost-fleet:region': name,
  'ghost-fleet:clusters': z.array(clusterSchema, { error: 'a list of clusters' }).default([]),
  'ghost-fleet:shards': z.int({ error: 'a whole number from 0 to 10000' }).min(0).max(10_000).default(0),
});

/** What a stack says about its databases. */
export interface StackSettings {
  readonly stack: string;
  /** How sites are kept apart unless their YAML says otherwise. */
  readonly databaseStrategy: (typeof databaseStrategies)[number];
  /** `<slug>.<baseDomain>` always reaches a site. */
  readonly baseDomain: string;
  /** Region of a site whose YAML names none. */
  readonly region: string;
  readonly clusters: readonly z.output<typeof clusterSchema>[];
  /** Number of shard stacks beside the platform's stack; 0 where the platform's stack holds the sites. */
  readonly shards: number;
}

/** A stack's settings are wrong; every problem is in the message, a line each. */
export class StackSettingsError extends Error {
  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.name = 'StackSettingsError';
  }
}

/** Names of the stacks that have a settings file in `dir`, sorted. */
export async function listStacks(dir: string): Promise<string[]> {
  const files = await readdir(dir);
  return files.flatMap((file) => /^Pulumi\.([A-Za-z0-9_.-]+)\.yaml$/.exec(file)?.[1] ?? []).sort();
}

/**
 * Reads a stack's settings without Pulumi.
 *
 * @throws StackSettingsError when the stack has no settings file or the file does not fit
 */
export async function readStackSettings(dir: string, stack: string): Promise<StackSettings> {
  const stacks = await listStacks(dir);
  if (!stacks.includes(stack)) {
    throw new StackSettingsError([
      `${dir}: expected one of the stacks ${stacks.join(', ')}; got ${JSON.stringify(stack)}`,
    ]);
  }
  const file = path.join(dir, `Pulumi.${stack}.yaml`);
  const document = parse(await readFile(file, 'utf8')) as { config?: unknown } | null;
  const parsed = settingsSchema.safeParse(document?.config ?? {});
  if (!parsed.success) {
    throw new StackSettingsError(
      parsed.error.issues.map((issue) => `${file} config.${issue.path.join('.')}: expected ${issue.message}`),
    );
  }
  const config = parsed.data;
  return {
    stack,
    databaseStrategy: config['ghost-fleet:databaseStrategy'],
    baseDomain: config['ghost-fleet:baseDomain'],
    region: config['ghost-fleet:region'],
    clusters: config['ghost-fleet:clusters'],
    shards: config['ghost-fleet:shards'],
  };
}

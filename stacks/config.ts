import * as pulumi from '@pulumi/pulumi';
import type { BackupKeys } from '../components/postgres-cloud-native.ts';
import { type ClusterConfig, secretKeys } from './schema.ts';
import { parseValue, prefix, resolveSettings, type StackSettings, StackSettingsError } from './settings.ts';

/** What a stack is told: settings in plain, secrets as secret outputs. */
export interface StackConfiguration {
  readonly settings: StackSettings;
  readonly secrets: StackSecrets;
}

/** Secret values by key; what the settings have a use for is there. */
export interface StackSecrets {
  /** Password of the administrator of an external cluster. */
  clusterPassword(cluster: string): pulumi.Output<string>;
  /** What reaches the bucket of a cluster's backups. */
  clusterBackupKeys(cluster: string): pulumi.Output<BackupKeys>;
  readonly redisPassword: pulumi.Output<string> | undefined;
  readonly mailPassword: pulumi.Output<string> | undefined;
  readonly mediaAccessKeyId: pulumi.Output<string> | undefined;
  readonly mediaSecretAccessKey: pulumi.Output<string> | undefined;
  readonly oidcClientSecret: pulumi.Output<string> | undefined;
  readonly repositoryToken: pulumi.Output<string> | undefined;
  readonly stripeSecretKey: pulumi.Output<string> | undefined;
  readonly stripeWebhookSecret: pulumi.Output<string> | undefined;
}

/**
 * Reads the configuration of the stack that runs. Nothing else in the project asks Pulumi for configuration.
 *
 * @param dir folder of the settings files, where a shard finds those of its platform stack
 * @throws StackSettingsError with every problem at once
 */
export async function readStackConfig(dir: string): Promise<StackConfiguration> {
  const stack = pulumi.getStack();
  const file = `stacks/Pulumi.${stack}.yaml`;
  const keys = readKeys();
  const plain = Object.fromEntries(Object.entries(keys).filter(([key]) => !Object.hasOwn(secretKeys, key)));
  const settings = await resolveSettings(stack, plain, file, dir);
  // A shard is told by its platform's stack, which has them.
  const missing = settings.shard === undefined ? missingSecrets(settings, keys) : [];
  if (missing.length > 0) {
    throw new StackSettingsError(
      missing.map(
        ([path, expected]) =>
          `${file} config.${prefix}${path}: expected ${expected}, set with pulumi config set --secret; got nothing`,
      ),
    );
  }
  return { settings, secrets: secretsOf(keys) };
}

/** This project's keys; what is not text is JSON in Pulumi's hands. */
function readKeys(): Record<string, unknown> {
  const own = Object.entries(pulumi.runtime.allConfig()).filter(([key]) => key.startsWith(prefix));
  return Object.fromEntries(own.map(([key, value]) => [key.slice(prefix.length), parseValue(value)]));
}

/** Secrets that the settings need and nobody has set: path and what is expected there. */
function missingSecrets(settings: StackSettings, keys: Readonly<Record<string, unknown>>): [string, string][] {
  const missing: [string, string][] = settings.clusters.flatMap((cluster) => missingOfCluster(cluster, keys));
  const needs: Partial<Record<keyof typeof secretKeys, boolean>> = {
    redisPassword: settings.redis?.kind === 'external',
    mediaAccessKeyId: settings.media.kind === 's3-compatible',
    mediaSecretAccessKey: settings.media.kind === 's3-compatible',
    oidcClientSecret: settings.platform.enabled && settings.platform.oidc !== undefined,
    repositoryToken: settings.platform.enabled && settings.platform.repository !== undefined,
    stripeSecretKey: settings.platform.enabled && settings.platform.billing.stripe,
    stripeWebhookSecret: settings.platform.enabled && settings.platform.billing.stripe,
  };
  for (const key of Object.keys(needs) as (keyof typeof needs)[]) {
    if (needs[key] && keys[key] === undefined) missing.push([key, secretKeys[key]]);
  }
  return missing;
}

function missingOfCluster(cluster: ClusterConfig, keys: Readonly<Record<string, unknown>>): [string, string][] {
  const own = (key: keyof typeof secretKeys) => ((keys[key] ?? {}) as Record<string, unknown>)[cluster.name];
  const need = (key: keyof typeof secretKeys): [string, string] => [`${key}.${cluster.name}`, secretKeys[key]];
  switch (cluster.kind) {
    case 'external':
      return typeof own('clusterPasswords') === 'string' ? [] : [need('clusterPasswords')];
    case 'rds':
      return [];
    case 'cloudnative-pg': {
      const { accessKeyId, secretAccessKey } = (own('clusterBackupKeys') ?? {}) as Partial<BackupKeys>;
      const complete = [accessKeyId, secretAccessKey].every((text) => typeof text === 'string' && text !== '');
      return cluster.backup === undefined || complete ? [] : [need('clusterBackupKeys')];
    }
  }
}

function secretsOf(keys: Readonly<Record<string, unknown>>): StackSecrets {
  const secret = (value: unknown) => (value === undefined ? undefined : pulumi.secret(String(value)));
  const passwords = (keys.clusterPasswords ?? {}) as Record<string, unknown>;
  const backupKeys = (keys.clusterBackupKeys ?? {}) as Record<string, BackupKeys>;
  return {
    clusterPassword: (cluster) => pulumi.secret(String(passwords[cluster])),
    clusterBackupKeys: (cluster) => pulumi.secret(backupKeys[cluster] as BackupKeys),
    redisPassword: secret(keys.redisPassword),
    mailPassword: secret(keys.mailPassword),
    mediaAccessKeyId: secret(keys.mediaAccessKeyId),
    mediaSecretAccessKey: secret(keys.mediaSecretAccessKey),
    oidcClientSecret: secret(keys.oidcClientSecret),
    repositoryToken: secret(keys.repositoryToken),
    stripeSecretKey: secret(keys.stripeSecretKey),
    stripeWebhookSecret: secret(keys.stripeWebhookSecret),
  };
}

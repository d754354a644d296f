import * as pulumi from '@pulumi/pulumi';
import { secretKeys } from './schema.ts';
import { prefix, resolveSettings, type StackSettings } from './settings.ts';

/** What a stack is told: settings in plain, secrets as secret outputs. */
export interface StackConfiguration {
  readonly settings: StackSettings;
  readonly secrets: StackSecrets;
}

export interface StackSecrets {
  /** Passwords of the administrators of external clusters, by cluster. */
  readonly clusterPasswords: pulumi.Output<Readonly<Record<string, string>>>;
  readonly redisPassword: pulumi.Output<string>;
  readonly mailPassword: pulumi.Output<string> | undefined;
  readonly mediaAccessKeyId: pulumi.Output<string>;
  readonly mediaSecretAccessKey: pulumi.Output<string>;
}

/**
 * Reads the configuration of the stack that runs. Nothing else in the project asks Pulumi for configuration.
 *
 * @throws StackSettingsError with every problem at once
 */
export async function readStackConfig(): Promise<StackConfiguration> {
  const stack = pulumi.getStack();
  const file = `stacks/Pulumi.${stack}.yaml`;
  const settings = await resolveSettings(stack, readPlainKeys(), file, import.meta.dirname);
  return { settings, secrets: readSecrets(file) };
}

/** This project's keys; what is not text is JSON in Pulumi's hands. */
function readPlainKeys(): Record<string, unknown> {
  const own = Object.entries(pulumi.runtime.allConfig())
    .filter(([key]) => key.startsWith(prefix))
    .map(([key, value]): [string, unknown] => [key.slice(prefix.length), parseValue(value)]);
  return Object.fromEntries(own.filter(([key]) => !Object.hasOwn(secretKeys, key)));
}

function parseValue(text: string): unknown {
  if (!/^([[{]|-?\d+$|true$|false$)/.test(text)) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Secrets are asked for when something needs them; only then is a missing one an error. */
function readSecrets(file: string): StackSecrets {
  const config = new pulumi.Config(prefix.slice(0, -1));
  const need = (key: keyof typeof secretKeys) => {
    const expected = `${file} config.${prefix}${key}: expected ${secretKeys[key]} (pulumi config set --secret); got nothing`;
    return (
      config.getSecret(key) ??
      pulumi.secret(key).apply((): string => {
        throw new Error(expected);
      })
    );
  };
  return {
    get clusterPasswords() {
      return need('clusterPasswords').apply((json) => JSON.parse(json) as Record<string, string>);
    },
    get redisPassword() {
      return need('redisPassword');
    },
    mailPassword: config.getSecret('mailPassword'),
    get mediaAccessKeyId() {
      return need('mediaAccessKeyId');
    },
    get mediaSecretAccessKey() {
      return need('mediaSecretAccessKey');
    },
  };
}

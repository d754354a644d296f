import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { parse } from 'yaml';
import type { z } from 'zod';
import { type StackConfig, secretKeys, shardSchema, stackSchema } from './schema.ts';

/** Prefix of this project's keys in `Pulumi.<stack>.yaml`. */
export const prefix = 'ghost-fleet:';

/** What a stack is told, without its secrets. */
export interface StackSettings extends StackConfig {
  readonly stack: string;
  /** Stack that holds the platform: the stack itself, unless it is a shard. */
  readonly platformStack: string;
  /** Number of the shard, where the stack is one. */
  readonly shard: number | undefined;
}

/** A stack's settings are wrong; every problem is in the message, a line each. */
export class StackSettingsError extends Error {
  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.name = 'StackSettingsError';
  }
}

/** Name of the stack of a shard, such as `production-03`. */
export function shardStackName(platformStack: string, shard: number): string {
  return `${platformStack}-${String(shard).padStart(2, '0')}`;
}

/** Names of the stacks that have a settings file in `dir`, sorted. */
export async function listStacks(dir: string): Promise<string[]> {
  const files = await readdir(dir);
  return files.flatMap((file) => /^Pulumi\.([A-Za-z0-9_.-]+)\.yaml$/.exec(file)?.[1] ?? []).sort();
}

/**
 * Reads a stack's settings without Pulumi. A shard's are those of its platform stack.
 *
 * @param platforms what was read for the shards of the same folder before, by platform stack
 * @throws StackSettingsError when the stack has no settings file or the file does not fit
 */
export async function readStackSettings(dir: string, stack: string, platforms?: Platforms): Promise<StackSettings> {
  return resolveSettings(stack, await readKeys(dir, stack), path.join(dir, `Pulumi.${stack}.yaml`), dir, platforms);
}

/** Platform stacks that are read once for all of their shards. */
export type Platforms = Map<string, Promise<StackSettings>>;

/**
 * Makes settings of a stack's own keys.
 *
 * @param file what is blamed for problems
 * @param dir folder of the settings files, where a shard's platform stack is looked up
 * @throws StackSettingsError with every problem at once
 */
export async function resolveSettings(
  stack: string,
  keys: Readonly<Record<string, unknown>>,
  file: string,
  dir: string,
  platforms: Platforms = new Map(),
): Promise<StackSettings> {
  if (keys.platformStack === undefined && keys.shard === undefined) {
    return { stack, platformStack: stack, shard: undefined, ...check(stackSchema, keys, file) };
  }
  const { platformStack, shard } = check(shardSchema, keys, file);
  if (stack !== shardStackName(platformStack, shard)) {
    throw new StackSettingsError([
      `${file}: expected the name ${shardStackName(platformStack, shard)} for shard ${shard} of ${platformStack}; got ${stack}`,
    ]);
  }
  const reading = platforms.get(platformStack) ?? readStackSettings(dir, platformStack);
  platforms.set(platformStack, reading);
  const platform = await reading;
  if (platform.shard !== undefined || shard >= platform.shards) {
    throw new StackSettingsError([
      `${file} config.${prefix}shard: expected a number below ${prefix}shards of ${platformStack}, ${platform.shards}; got ${shard}`,
    ]);
  }
  return { ...platform, stack, shard };
}

/** This project's keys of a stack's file, their prefix taken off; secrets are left out. */
async function readKeys(dir: string, stack: string): Promise<Record<string, unknown>> {
  const stacks = await listStacks(dir);
  if (!stacks.includes(stack)) {
    throw new StackSettingsError([
      `${dir}: expected one of the stacks ${stacks.join(', ')}; got ${JSON.stringify(stack)}`,
    ]);
  }
  const file = path.join(dir, `Pulumi.${stack}.yaml`);
  const document = parse(await readFile(file, 'utf8')) as { config?: Record<string, unknown> } | null;
  const entries = Object.entries(document?.config ?? {}).filter(([key]) => key.startsWith(prefix));
  const keys = entries.map(([key, value]): [string, unknown] => [key.slice(prefix.length), value]);
  const plain = keys.filter(([key, value]) => Object.hasOwn(secretKeys, key) && !isEncrypted(value));
  if (plain.length > 0) {
    throw new StackSettingsError(
      plain.map(
        ([key]) =>
          `${file} config.${prefix}${key}: expected a value set with pulumi config set --secret; got plain text`,
      ),
    );
  }
  const settings = keys.filter(([key]) => !Object.hasOwn(secretKeys, key));
  // Pulumi writes a number as text whenever it rewrites the file.
  return Object.fromEntries(
    settings.map(([key, value]) => [key, typeof value === 'string' ? parseValue(value) : value]),
  );
}

/** What a value of Pulumi's configuration stands for: it keeps everything but text as JSON in text. */
export function parseValue(text: string): unknown {
  if (!/^([[{]|-?\d+$|true$|false$)/.test(text)) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** `{ secure: … }`, or a mapping of such. */
function isEncrypted(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const record = value as Record<string, unknown>;
  return (
    typeof record.secure === 'string' || (Object.keys(record).length > 0 && Object.values(record).every(isEncrypted))
  );
}

function check<Schema extends z.ZodType>(schema: Schema, value: unknown, file: string): z.output<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const line = (path: readonly PropertyKey[], expected: string) =>
    `${file} config.${prefix}${path.join('.')}: expected ${expected}; got ${show(valueAt(value, path))}`;
  throw new StackSettingsError(
    parsed.error.issues.flatMap((issue) =>
      issue.code === 'unrecognized_keys'
        ? issue.keys.map((key) => line([...issue.path, key], 'no such key'))
        : [line(issue.path, issue.message)],
    ),
  );
}

function valueAt(value: unknown, at: readonly PropertyKey[]): unknown {
  return at.reduce<unknown>(
    (found, key) =>
      typeof found === 'object' && found !== null ? (found as Record<PropertyKey, unknown>)[key] : undefined,
    value,
  );
}

function show(value: unknown): string {
  return value === undefined ? 'nothing' : JSON.stringify(value);
}

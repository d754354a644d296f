import { randomBytes } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import { existsSync } from 'node:fs';
import { chmod, mkdir, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { InstalledTools } from '../tools/install.ts';
import { link } from '../tools/link.ts';

/** Variables of a process. */
export type Variables = Readonly<Record<string, string | undefined>>;

/** What the engine runs with. */
export interface EngineEnvironment {
  readonly variables: Record<string, string>;
  /** Folder of the state where this checkout keeps its own, undefined where the environment names a backend. */
  readonly localState: string | undefined;
}

/**
 * Completes the environment of the Pulumi CLI. What it names already stands: a backend, a passphrase, a home. What it
 * does not name lies in `home`, so that nobody needs an account: a home with the pinned plugins, a backend of files, a
 * random passphrase in a file that only its owner reads.
 *
 * @param home folder that is made where it is missing
 */
export async function engineEnvironment(
  home: string,
  tools: InstalledTools,
  given: Variables = process.env,
): Promise<EngineEnvironment> {
  const variables: Record<string, string> = {
    PULUMI_SKIP_UPDATE_CHECK: 'true',
    ...Object.fromEntries(Object.entries(given).filter((entry): entry is [string, string] => entry[1] !== undefined)),
    PATH: [tools.bin, path.dirname(process.execPath), given.PATH].filter(Boolean).join(path.delimiter),
  };
  await mkdir(home, { recursive: true });
  if (!given.PULUMI_HOME) {
    variables.PULUMI_HOME = home;
    await link(tools.plugins, path.join(home, 'plugins'));
    await withoutLogs(path.join(home, 'logs'));
  }
  // The program and the plugins load some 1,500 modules each time.
  variables.NODE_COMPILE_CACHE ??= path.join(home, 'compile-cache');
  if (!given.PULUMI_CONFIG_PASSPHRASE && !given.PULUMI_CONFIG_PASSPHRASE_FILE) {
    variables.PULUMI_CONFIG_PASSPHRASE_FILE = await ensurePassphrase(path.join(home, 'passphrase'));
  }
  // Where nothing can be fetched, the engine would try for half a minute before it says what is missing.
  if (!given.PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION && !(await resolves('get.pulumi.com'))) {
    variables.PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION = 'true';
  }
  if (namesBackend(given)) return { variables, localState: undefined };
  const localState = path.join(home, 'state');
  await mkdir(localState, { recursive: true, mode: 0o700 });
  // A killed engine tears the metadata files, and every later command would fail on them.
  variables.PULUMI_BACKEND_URL = `file://${localState}?metadata=skip`;
  return { variables, localState };
}

function namesBackend(given: Variables): boolean {
  if (given.PULUMI_BACKEND_URL || given.PULUMI_ACCESS_TOKEN) return true;
  // Somebody's own home may hold a login.
  return given.PULUMI_HOME !== undefined && existsSync(path.join(given.PULUMI_HOME, 'credentials.json'));
}

/**
 * The engine writes down all that it does, encrypted, which takes two fifths of its time; it goes without where it cannot
 * have a folder for that, and knows no other way to be told.
 */
async function withoutLogs(folder: string): Promise<void> {
  if ((await stat(folder).catch(() => undefined))?.isFile()) return;
  await rm(folder, { recursive: true, force: true });
  await writeFile(folder, '');
}

async function ensurePassphrase(file: string): Promise<string> {
  try {
    await writeFile(file, randomBytes(32).toString('base64url'), { mode: 0o600, flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    await chmod(file, 0o600);
  }
  return file;
}

async function resolves(host: string): Promise<boolean> {
  const timeout = new Promise<boolean>((resolve) => setTimeout(resolve, 2_000, false).unref());
  return Promise.race([lookup(host).then(Boolean, () => false), timeout]);
}

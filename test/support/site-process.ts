import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type PostgresServer, startPostgres } from '../../scripts/services/postgres.ts';
import type { Answer } from '../../scripts/services/site.ts';

export { type Answer, request, SiteUnderTest, siteEnvironment } from '../../scripts/services/site.ts';

/** A folder below the system's temporary folder that goes when the returned function is called. */
export async function temporaryDir(): Promise<{ dir: string; remove: () => Promise<void> }> {
  const dir = await mkdtemp(path.join(tmpdir(), 'ghost-fleet-'));
  return { dir, remove: () => rm(dir, { recursive: true, force: true, maxRetries: 5 }) };
}

/**
 * A PostgreSQL server in `dir`: the embedded one, or the release whose `postgres` and `initdb` stand in the folder that
 * POSTGRES_BIN_DIR names.
 */
export function startTestPostgres(dir: string, port?: number): Promise<PostgresServer> {
  const binDir = process.env.POSTGRES_BIN_DIR;
  return startPostgres({
    dataDir: path.join(dir, 'postgres'),
    ...(binDir === undefined ? {} : { binDir }),
    ...(port === undefined ? {} : { port }),
  });
}

/** Text of a page's `<title>`. */
export function titleOf(answer: Answer): string | undefined {
  return /<title>([^<]*)<\/title>/.exec(answer.body)?.[1]?.trim();
}

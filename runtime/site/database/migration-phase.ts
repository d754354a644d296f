import type { Endpoint } from '../config.ts';

let endpoint: Endpoint | undefined;

/**
 * Where new connections go while migrations run: past the pooler and without the role's time limit for a statement, since
 * changing a large table takes as long as it takes. Undefined while the site is served.
 */
export function migrationEndpoint(): Endpoint | undefined {
  return endpoint;
}

/** Runs migrations with connections to `direct`; those that are left over afterwards are not used again. */
export async function whileMigrating<T>(direct: Endpoint, run: () => Promise<T>): Promise<T> {
  endpoint = direct;
  try {
    return await run();
  } finally {
    endpoint = undefined;
  }
}

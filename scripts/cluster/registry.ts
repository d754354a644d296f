/** Where kind's node image is published. */
const registry = 'https://registry-1.docker.io/v2/';

/** Whether images can be fetched on this machine; an answer that asks for a login says so, too. */
export async function hasRegistry(): Promise<boolean> {
  try {
    const response = await fetch(registry, { signal: AbortSignal.timeout(10_000) });
    return response.ok || response.status === 401;
  } catch {
    return false;
  }
}

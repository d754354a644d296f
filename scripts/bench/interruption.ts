const stops = new Set<() => Promise<unknown>>();
let listening = false;

/**
 * Stops something, a server most likely, when the bench is interrupted: it would outlive this process. To be forgotten
 * with the returned function once it has been stopped otherwise.
 */
export function stopWhenInterrupted(stop: () => Promise<unknown>): () => void {
  if (!listening) {
    listening = true;
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void stopAll(signal));
  }
  stops.add(stop);
  return () => stops.delete(stop);
}

async function stopAll(signal: 'SIGINT' | 'SIGTERM'): Promise<void> {
  console.error('interrupted: stopping what was started');
  await Promise.allSettled([...stops].reverse().map((stop) => stop()));
  process.exit(signal === 'SIGINT' ? 130 : 143);
}

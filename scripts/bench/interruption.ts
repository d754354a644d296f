const stops = new Set<() => Promise<unknown>>();
let listening = false;
let ending = false;

/**
 * Stops something when the bench is interrupted: a server would outlive this process, a scratch folder stay behind. What
 * was named last is stopped first. To be forgotten with the returned function once it has been stopped otherwise.
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
  ending = true;
  // Connections whose server goes say so, and nobody listens any more.
  process.on('uncaughtException', () => undefined);
  console.error('interrupted: stopping what was started');
  for (const stop of [...stops].reverse()) await stop().catch((error: Error) => console.error(error.message));
  process.exit(signal === 'SIGINT' ? 130 : 143);
}

/** What `work` resolves with; while an interruption ends this process, the failures that come of it are nobody's concern. */
export async function unlessInterrupted<Result>(work: Promise<Result>): Promise<Result> {
  try {
    return await work;
  } catch (error) {
    if (ending) return new Promise(() => undefined);
    throw error;
  }
}

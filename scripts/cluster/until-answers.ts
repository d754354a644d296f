import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Asks again and again until there is an answer.
 *
 * @param what is asked, for the message
 * @throws Error with the last refusal after `timeoutMs`
 */
export async function untilAnswers<T>(what: string, ask: () => Promise<T>, timeoutMs: number): Promise<T> {
  for (const deadline = Date.now() + timeoutMs; ; await sleep(300)) {
    try {
      return await ask();
    } catch (error) {
      if (Date.now() > deadline) throw new Error(`${what} does not answer: ${(error as Error).message}`);
    }
  }
}

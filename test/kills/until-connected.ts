import { setTimeout as sleep } from 'node:timers/promises';
import { isConnectionLoss } from '../../runtime/platform/database/connection-loss.ts';

/** Asks the platform's database until it answers. */
export async function untilConnected<T>(ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!isConnectionLoss(error)) throw error;
      await sleep(100);
    }
  }
}

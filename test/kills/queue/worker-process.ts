import { PlatformDatabase } from '../../../runtime/platform/database/connection.ts';
import { createQueue } from '../../../runtime/platform/queue/create-queue.ts';
import { killedHandlers } from './jobs.ts';
import type { WorkerSettings } from './worker.ts';

/** A worker to be killed. Its settings are its argument; asked to stop, it hands its jobs back. */
const settings = JSON.parse(process.argv[2] ?? '') as WorkerSettings;
const database = new PlatformDatabase(settings.database);
const queue = createQueue({
  database,
  log: (text, error) => console.error(`${text}: ${error}`),
  ...(settings.redis === undefined ? {} : { redis: settings.redis }),
});
const worker = await queue.work(killedHandlers(queue, settings.file), { pollMs: 300 });
process.once('SIGTERM', async () => {
  await worker.stop(500);
  await queue.close();
  await database.close();
  process.disconnect();
});
// Whoever started it is gone.
process.once('disconnect', () => process.exit());
process.send?.('ready');

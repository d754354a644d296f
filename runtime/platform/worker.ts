import { provisioningHandlers } from './provisioning/jobs.ts';
import type { Services } from './services.ts';

/** Starts to run the platform's jobs in this process. */
export async function startWorker(services: Services): Promise<{ stop(): Promise<void> }> {
  return services.queue.work([...provisioningHandlers(services)]);
}

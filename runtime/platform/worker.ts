import { analyticsHandler, analyticsSchedule } from './analytics/jobs.ts';
import { createSiteSources } from './analytics/site-sources.ts';
import { billingHandler, billingSchedule } from './billing/jobs.ts';
import { provisioningHandlers } from './provisioning/jobs.ts';
import type { Services } from './services.ts';

/** Starts to run the platform's jobs and schedules in this process. */
export async function startWorker(services: Services): Promise<{ stop(): Promise<void> }> {
  const { config, queue, provisioner } = services;
  const handlers = [...provisioningHandlers(services), billingHandler(services)];
  const schedules = [billingSchedule];
  if (config.analytics !== undefined) {
    handlers.push(analyticsHandler(services, createSiteSources(config.analytics, provisioner)));
    schedules.push(analyticsSchedule);
  }
  return queue.work(handlers, { schedules });
}

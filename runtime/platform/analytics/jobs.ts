import { z } from 'zod';
import { defineJob } from '../queue/definition.ts';
import { pruneJobs } from '../queue/inspection.ts';
import { handle, type JobHandler } from '../queue/running-job.ts';
import { type Schedule, schedule } from '../queue/schedules.ts';
import type { Services } from '../services.ts';
import { refreshAll, refreshDue } from './due.ts';
import type { SiteSources } from './site-sources.ts';

/** Visits the sites that are due. */
export const refreshJob = defineJob({
  kind: 'analytics.refresh',
  payload: z.object({}),
  maxAttempts: 1,
  concurrency: 1,
  leaseMs: 120_000,
  scope: 'fleet',
});

/** A round a minute makes many jobs; those that failed are kept. */
const keptDays = 7;

/** Every minute: each site is due about once an hour, so that the fleet's visits are spread. */
export const analyticsSchedule: Schedule = schedule({
  name: 'analytics.refresh',
  cron: '* * * * *',
  definition: refreshJob,
  payload: () => ({}),
});

export function analyticsHandler({ database, now }: Services, sources: SiteSources): JobHandler {
  return handle(refreshJob, async (job) => {
    const slugs = await refreshDue(database, now());
    await job.step('forget jobs that ended well', (db) =>
      pruneJobs(db, new Date(now().getTime() - keptDays * 86_400_000)),
    );
    const summary = await job.externalStep('visit the sites', async () => {
      const { refreshed, superseded, failed } = await refreshAll(database, slugs, now(), sources);
      return { refreshed, superseded, failed: failed.map(({ slug, error = '' }) => ({ slug, error })) };
    });
    for (const { slug, error } of summary.failed) await job.log(`${slug}: ${error}`, 'warning');
    return summary;
  });
}

import { z } from 'zod';
import { audit } from '../access/audit.ts';
import type { Transaction } from '../database/connection.ts';
import { enqueueChange } from '../provisioning/jobs.ts';
import { defineJob } from '../queue/definition.ts';
import { handle, type JobHandler } from '../queue/running-job.ts';
import { type Schedule, schedule } from '../queue/schedules.ts';
import type { Services } from '../services.ts';
import { issueInvoices } from './close-month.ts';
import { followRegistry } from './follow-registry.ts';
import { recordMeteredDays } from './metered.ts';
import { addDays, periodOf, previousPeriod } from './period.ts';
import { settleStanding, suspensionsDue } from './standing.ts';
import type { SubscriptionChange } from './subscriptions.ts';

/** Brings subscriptions, usage and invoices up to date. */
export const billingJob = defineJob({
  kind: 'billing.round',
  payload: z.object({}),
  maxAttempts: 3,
  concurrency: 1,
  leaseMs: 300_000,
  scope: 'fleet',
});

/** Twice an hour: what was missed is made up for by the next round. */
export const billingSchedule: Schedule = schedule({
  name: 'billing.round',
  cron: '7,37 * * * *',
  definition: billingJob,
  payload: () => ({}),
});

/** Days that usage is looked for again: a site that was away for longer is charged nothing for what was not seen. */
const lateDays = 5;

/** Days after a month's end until its invoices go out: its last day is read by then, and little is left to correct. */
const settlingDays = 1.5;

export function billingHandler(services: Services): JobHandler {
  const { database, config, now } = services;
  return handle(billingJob, async (job) => {
    const followed = await job.step('follow the registry', async (db) => {
      const { changes, refused } = await followRegistry(db, now());
      return { changes: changes.length, refused };
    });
    for (const refusal of followed.refused) await job.log(refusal, 'warning');
    const recorded = await job.step('record usage', async (db) => {
      const { added, conflicting } = await recordMeteredDays(db, now(), lateDays);
      return { added: added.length, conflicting: conflicting.length };
    });
    // Each creator's month is a transaction of its own, and closing it again closes nothing.
    const issued = await job.externalStep('close the month before', async () => {
      const month = previousPeriod(periodOf(addDays(now(), -settlingDays)));
      const { invoices, failures } = await issueInvoices(database, month, config.billing, now());
      return { invoices: invoices.length, failures: failures.map(({ error }) => String(error)) };
    });
    const standings = await job.step('settle standings', async (db) => {
      const due = await suspensionsDue(db, config.billing, now());
      const changes: SubscriptionChange[] = [];
      for (const creatorId of new Set(due.map((one) => one.creatorId)))
        changes.push(...(await settleStanding(db, creatorId, config.billing, now())));
      for (const change of changes) await followStanding(services, db, change);
      return changes.length;
    });
    for (const failure of issued.failures) await job.log(failure, 'error');
    return { changes: followed.changes, ...recorded, invoices: issued.invoices, standings };
  });
}

/** Makes the site's YAML say what its standing wants; nothing is ever deleted. */
async function followStanding(services: Services, db: Transaction, change: SubscriptionChange): Promise<void> {
  const { site: slug, creatorId, wanted, after } = change;
  const row = await db('sites').where({ slug }).whereNull('removed_at').first('state');
  if (row === undefined || row.state === wanted) return;
  const details = { standing: after.standing, wanted };
  await audit(db, 'billing', { creatorId, action: 'site.standing', subject: slug, details });
  const payload = { slug, change: { state: wanted }, actor: 'billing' };
  const key = `standing:${slug}:${after.standingSince.toISOString()}`;
  await enqueueChange(services, db, payload, { creatorId, key });
}

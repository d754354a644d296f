import { z } from 'zod';
import type { RequestedSite } from '../../../sites/candidate.ts';
import { siteSchema } from '../../../sites/schema.ts';
import { audit } from '../access/audit.ts';
import type { Transaction } from '../database/connection.ts';
import { defineJob } from '../queue/definition.ts';
import { handle, type JobHandler, type RunningJob } from '../queue/running-job.ts';
import type { Services } from '../services.ts';

/** Waiting for a site to answer ends after this; the job's next attempt waits anew. */
const readyTimeoutMs = 15 * 60_000;

/** Makes a site. The payload is what stands in the YAML; it is checked when it is asked for and again when it is written. */
export const createSiteJob = defineJob({
  kind: 'site.create',
  payload: z.object({ site: z.record(z.string(), z.unknown()), actor: z.string() }),
  maxAttempts: 8,
  leaseMs: 60_000,
  scope: 'fleet',
});

const change = z.object({
  creator: z.string().optional(),
  domains: z.array(z.string()).optional(),
  plan: siteSchema.shape.plan.optional(),
  state: z.enum(['active', 'paused', 'suspended']).optional(),
});

/** Changes keys of a site's YAML and makes them real. */
export const changeSiteJob = defineJob({
  kind: 'site.change',
  payload: z.object({ slug: z.string(), change, actor: z.string() }),
  maxAttempts: 8,
  leaseMs: 60_000,
  scope: 'fleet',
});

/** Sites whose making has not ended. */
export async function requestedSites(db: Transaction): Promise<readonly RequestedSite[]> {
  const open = db('jobs').where({ kind: createSiteJob.kind }).whereIn('state', ['waiting', 'active']);
  return (await open.select('payload')).map(({ payload }) => payload.site);
}

/** Asks for a change of a site's YAML. Changes of one stack are made one after the other, new sites' among them. */
export async function enqueueChange(
  { queue, provisioner }: Pick<Services, 'queue' | 'provisioner'>,
  db: Transaction,
  payload: z.input<typeof changeSiteJob.payload>,
  owner: { readonly creatorId: string | null; readonly key?: string },
): Promise<{ readonly id: string }> {
  const lane = await provisioner.laneOfSite(payload.slug);
  return queue.enqueue(db, changeSiteJob, { payload, ...owner, lane });
}

/** What the jobs of provisioning do. */
export function provisioningHandlers(services: Services): JobHandler[] {
  return [
    handle(createSiteJob, (job) => createSite(services, job)),
    handle(changeSiteJob, (job) => applyChange(services, job)),
  ];
}

async function createSite(services: Services, job: RunningJob<z.output<typeof createSiteJob.payload>>) {
  const { provisioner, mailer } = services;
  const { actor } = job.payload;
  const site = siteSchema.parse(job.payload.site);
  await job.externalStep('write the registry entry', () =>
    provisioner.create(job.payload.site as z.input<typeof siteSchema>, actor),
  );
  await job.log(`${site.slug}.yaml stands in the registry`);
  await job.externalStep('apply', (signal) => provisioner.apply(site.slug, (line) => job.log(line), signal));
  const url = await job.externalStep('wait for the site', (signal) =>
    provisioner.waitUntilReady(site, AbortSignal.any([signal, AbortSignal.timeout(readyTimeoutMs)])),
  );
  await job.log(`${url} answers`);
  await job.step('register', async (db) => {
    const creatorId = await creatorOf(db, site.slug);
    await audit(db, actor, { creatorId, action: 'site.create', subject: site.slug, details: { plan: site.plan } });
  });
  await job.externalStep('send the link', () =>
    mailer.send({
      // Sent again where this run ends before the step is recorded; under the same name it is one message.
      id: `site-ready.${job.id}`,
      to: site.creator,
      subject: `${site.title} is ready`,
      text: `Your site answers at ${url}.\n\nFinish its set-up here:\n\n${url}/ghost/#/setup`,
    }),
  );
  return { url };
}

async function applyChange(services: Services, job: RunningJob<z.output<typeof changeSiteJob.payload>>) {
  const { provisioner } = services;
  const { slug, actor } = job.payload;
  const wanted = Object.fromEntries(Object.entries(job.payload.change).filter(([, value]) => value !== undefined));
  const site = await job.externalStep('change the registry entry', async () => {
    const { creator, state, plan, domains } = await provisioner.change(slug, wanted, actor);
    return { slug, creator, state, plan, domains };
  });
  await job.log(`${slug}.yaml is changed`);
  await job.externalStep('apply', (signal) => provisioner.apply(slug, (line) => job.log(line), signal));
  const url = await job.externalStep('wait for the site', (signal) =>
    provisioner.waitUntilReady(site, AbortSignal.any([signal, AbortSignal.timeout(readyTimeoutMs)])),
  );
  await job.step('note it', async (db) => {
    const creatorId = await creatorOf(db, slug);
    await audit(db, actor, { creatorId, action: 'site.change', subject: slug, details: wanted });
  });
  return { url };
}

/** The creator of a registered site. @throws Error where it is not registered (yet): the job tries again */
async function creatorOf(db: Transaction, slug: string): Promise<string> {
  const row = await db('sites').where({ slug }).whereNull('removed_at').first('creator_id');
  if (row === undefined) throw new Error(`${slug} is not registered yet`);
  return row.creator_id as string;
}

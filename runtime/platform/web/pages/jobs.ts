import { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { audit } from '../../access/audit.ts';
import { asViewer } from '../../access/viewer.ts';
import { followJob } from '../../queue/following.ts';
import { countJobs, findJob, type JobView, listJobs, readJobEvents } from '../../queue/inspection.ts';
import { jobStates } from '../../queue/queue.ts';
import type { Services } from '../../services.ts';
import { formatTime } from '../format.ts';
import { html, type Markup } from '../html.ts';
import { form, type PageContext } from '../layout.ts';
import { BadInput, contextOf, NotFound, sendPage, viewerOf } from '../reply.ts';

const filter = z.object({
  state: z.union([z.enum(jobStates), z.literal('')]).optional(),
  kind: z.string().optional(),
  text: z.string().optional(),
});

const jobId = z.object({ id: z.uuid({ error: 'the id of a job' }) });

/** A job's own page, which follows its progress; for staff all jobs, with those that failed to be retried. */
export function registerJobs(app: FastifyInstance, services: Services): void {
  const { database, queue } = services;

  app.get('/jobs/:id', { config: { access: 'signed-in' } }, async (asked, reply) => {
    const { id } = parseId(asked.params);
    const [job, events] = await asViewer(database, viewerOf(asked), async (db) => [
      await findJob(db, id),
      await readJobEvents(db, id),
    ]);
    if (job === undefined) throw new NotFound('There is no such job.');
    const content = html`<h1>${titleOfJob(job)}</h1>
      <p>State: <strong id="state">${job.state}</strong></p>
      <pre class="log" id="log" aria-live="polite" data-events=${`/jobs/${id}/events`} data-after=${events.at(-1)?.id ?? 0}>
${events.map(({ text }) => `${text}\n`).join('')}</pre>
      <p id="outcome">${outcomeOf(job)}</p>` as Markup;
    return sendPage(asked, reply, titleOfJob(job), content, ['progress.js']);
  });

  app.get('/jobs/:id/events', { config: { access: 'signed-in' } }, async (asked, reply) => {
    const { id } = parseId(asked.params);
    const viewer = viewerOf(asked);
    const found = await asViewer(database, viewer, (db) => findJob(db, id));
    if (found === undefined) throw new NotFound('There is no such job.');
    const ending = new AbortController();
    asked.raw.once('close', () => ending.abort());
    const { after } = asked.query as { after?: string };
    const options = {
      creatorId: viewer.creatorId ?? found.creatorId,
      afterId: Number(after) || 0,
      signal: ending.signal,
    };
    reply.header('content-type', 'text/event-stream').header('cache-control', 'no-store');
    return reply.send(Readable.from(serverSentEvents(followJob(database, id, options))));
  });

  app.get('/api/v1/jobs/:id', { config: { access: 'signed-in', scope: 'sites:read' } }, async (asked) => {
    const { id } = parseId(asked.params);
    const job = await asViewer(database, viewerOf(asked), (db) => findJob(db, id));
    if (job === undefined) throw new NotFound('There is no such job.');
    const { kind, state, error, result, steps } = job;
    return { id, kind, state, error, result, steps };
  });

  app.get('/queue', { config: { access: 'staff' } }, async (asked, reply) => {
    const { state, kind, text } = filter.parse(asked.query);
    const [jobs, counts] = await database.asFleet(async (db) => [
      await listJobs(db, { ...(state && { state }), ...(kind && { kind }), ...(text && { text }) }),
      await countJobs(db),
    ]);
    const context = contextOf(asked, reply);
    const content = html`<h1>Jobs</h1>
      <p>${counts.map((count) => html`<a href=${`/queue?state=${count.state}&kind=${count.kind}`}>${count.kind} ${count.state}: ${count.count}</a> `)}</p>
      <form class="line" method="get"><label>State <select name="state"><option value="">any</option>
        ${jobStates.map((name) => html`<option selected=${name === state}>${name}</option>`)}</select></label>
        <label>Contains <input name="text" value=${text} /></label><button>Show</button></form>
      ${jobTable(context, jobs)}` as Markup;
    return sendPage(asked, reply, 'Jobs', content);
  });

  app.post('/queue/:id/retry', { config: { access: 'staff' } }, async (asked, reply) => {
    const { id } = parseId(asked.params);
    await database.asFleet(async (db) => {
      if (!(await queue.retry(db, id))) throw new BadInput('Only a failed or cancelled job can be tried again.');
      const job = await findJob(db, id);
      const creatorId = job?.creatorId ?? undefined;
      await audit(db, viewerOf(asked), { creatorId, action: 'job.retry', subject: job?.kind ?? id, details: { id } });
    });
    return reply.redirect(`/jobs/${id}`);
  });
}

function parseId(params: unknown): { readonly id: string } {
  const parsed = jobId.safeParse(params);
  if (!parsed.success) throw new NotFound('There is no such job.');
  return parsed.data;
}

/** `event: line` for progress, `event: state` when it changes, `event: end` for the last state. */
async function* serverSentEvents(news: ReturnType<typeof followJob>): AsyncGenerator<string> {
  yield ': following\n\n';
  for await (const item of news) {
    if ('event' in item) yield `id: ${item.event.id}\nevent: line\ndata: ${JSON.stringify(item.event.text)}\n\n`;
    else {
      const { state, error, result, finishedAt } = item.job;
      const data = JSON.stringify({ state, error, url: urlOf(result) });
      yield `event: ${finishedAt === null ? 'state' : 'end'}\ndata: ${data}\n\n`;
    }
  }
}

function urlOf(result: unknown): string | undefined {
  const url = typeof result === 'object' && result !== null && 'url' in result ? result.url : undefined;
  return typeof url === 'string' ? url : undefined;
}

function titleOfJob({ kind, key, payload }: JobView): string {
  const slug = (payload as { slug?: string } | null)?.slug ?? key;
  const titles: Readonly<Record<string, string>> = {
    'site.create': `Creating ${slug}`,
    'site.change': `Changing ${slug}`,
  };
  return titles[kind] ?? kind;
}

function outcomeOf(job: JobView): Markup | string {
  const url = urlOf(job.result);
  if (job.state === 'done' && url !== undefined) return html`<a class="button" href=${url}>Open the site</a>` as Markup;
  return job.state === 'failed' ? (job.error ?? '') : '';
}

function jobTable(context: PageContext, jobs: readonly JobView[]): Markup {
  const rows = jobs.map(
    (job) => html`<tr><td><a href=${`/jobs/${job.id}`}>${titleOfJob(job)}</a></td><td>${job.state}</td>
      <td class="number">${job.attempts} of ${job.maxAttempts}</td><td>${formatTime(job.createdAt)}</td>
      <td>${job.error}</td><td>${
        ['failed', 'cancelled'].includes(job.state) &&
        form(context, `/queue/${job.id}/retry`, html`<button class="quiet">Try again</button>` as Markup)
      }</td></tr>`,
  );
  return html`<div class="scroll"><table><thead><tr><th>Job</th><th>State</th><th class="number">Errors</th><th>Asked for</th>
    <th>Last error</th><th></th></tr></thead><tbody>${rows}</tbody></table></div>` as Markup;
}

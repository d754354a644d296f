import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { createApiToken, listApiTokens, revokeApiToken } from '../../access/api-tokens.ts';
import { audit, listAudit } from '../../access/audit.ts';
import { asViewer, tokenScopes } from '../../access/viewer.ts';
import type { Services } from '../../services.ts';
import { formatTime } from '../format.ts';
import { html, type Markup } from '../html.ts';
import { form } from '../layout.ts';
import { BadInput, contextOf, NotFound, sendPage, viewerOf } from '../reply.ts';

const scope = z.enum(tokenScopes, { error: `one of ${tokenScopes.join(', ')}` });
const newToken = z.object({
  name: z.string().trim().min(1, 'a name').max(100, 'a name of at most 100 characters'),
  scopes: z.union([scope.transform((one) => [one]), z.array(scope)], { error: 'at least one scope' }),
  days: z.coerce.number({ error: 'a number of days' }).int().min(1, '1 to 3650 days').max(3_650, '1 to 3650 days'),
});

const auditPageSize = 100;

/** An account's API tokens, and what was done to what it may see. */
export function registerAccount(app: FastifyInstance, services: Services): void {
  const { database, now } = services;

  app.get('/tokens', { config: { access: 'signed-in' } }, async (asked, reply) => {
    const viewer = viewerOf(asked);
    const tokens = await asViewer(database, viewer, (db) => listApiTokens(db, viewer.accountId));
    const context = contextOf(asked, reply);
    const fields = html`<label>Name <input name="name" required maxlength="100" /></label>
      <fieldset><legend>May</legend>${tokenScopes.map((name) => html`<label class="check"><input type="checkbox" name="scopes" value=${name} />${name}</label>`)}</fieldset>
      <label>Days until it expires <input type="number" name="days" value="90" min="1" max="3650" required /></label>
      <button>Create token</button>` as Markup;
    const rows = tokens.map((token) => {
      const revoke = html`<button class="danger">Revoke</button>` as Markup;
      return html`<tr><td>${token.name}</td><td>${token.scopes.join(', ')}</td><td>${formatTime(token.expires_at)}</td>
        <td>${formatTime(token.last_used_at)}</td>
        <td>${token.revoked_at === null ? form(context, `/tokens/${token.id}/revoke`, revoke) : 'revoked'}</td></tr>`;
    });
    const content = html`<h1>API tokens</h1>
      <div class="scroll"><table><thead><tr><th>Name</th><th>May</th><th>Expires</th><th>Last used</th><th></th></tr></thead>
        <tbody>${rows}</tbody></table></div>
      <h2>New token</h2>${form(context, '/tokens', fields, { class: 'stack' })}` as Markup;
    return sendPage(asked, reply, 'API tokens', content);
  });

  app.post('/tokens', { config: { access: 'signed-in' } }, async (asked, reply) => {
    const viewer = viewerOf(asked);
    const { name, scopes, days } = newToken.parse(asked.body);
    const token = await asViewer(database, viewer, async (db) => {
      const { creatorId } = viewer;
      await audit(db, viewer, { creatorId, action: 'token.create', subject: name, details: { scopes } });
      return createApiToken(db, viewer, name, scopes, new Date(now().getTime() + days * 86_400_000));
    });
    const content = html`<h1>${name}</h1>
      <p class="notice">Copy it now: it is shown this once. <code>${token}</code></p>
      <p><a href="/tokens">All tokens</a></p>` as Markup;
    return sendPage(asked, reply, 'New token', content);
  });

  app.post('/tokens/:id/revoke', { config: { access: 'signed-in' } }, async (asked, reply) => {
    const viewer = viewerOf(asked);
    const id = z.uuid().safeParse((asked.params as { id: string }).id);
    await asViewer(database, viewer, async (db) => {
      if (!id.success || !(await revokeApiToken(db, viewer.accountId, id.data, now())))
        throw new NotFound('There is no such token.');
      await audit(db, viewer, { creatorId: viewer.creatorId, action: 'token.revoke', subject: id.data });
    });
    return reply.redirect('/tokens');
  });

  app.get('/audit', { config: { access: 'signed-in' } }, async (asked, reply) => {
    const { before } = asked.query as { before?: string };
    if (before !== undefined && !/^\d{1,15}$/.test(before))
      throw new BadInput('before: expected the number of an entry');
    const lines = await asViewer(database, viewerOf(asked), (db) =>
      listAudit(db, auditPageSize, before === undefined ? undefined : Number(before)),
    );
    const rows = lines.map(
      (
        line,
      ) => html`<tr><td>${formatTime(line.at)}</td><td>${line.actor}</td><td>${line.action}</td><td>${line.subject}</td>
        <td><small>${Object.keys(line.details).length > 0 && JSON.stringify(line.details)}</small></td></tr>`,
    );
    const content = html`<h1>Activity</h1>
      <div class="scroll"><table><thead><tr><th>When (UTC)</th><th>Who</th><th>What</th><th>Of</th><th></th></tr></thead>
        <tbody>${rows}</tbody></table></div>
      ${lines.length === auditPageSize && html`<p><a href=${`/audit?before=${lines.at(-1)?.id}`}>Older</a></p>`}` as Markup;
    return sendPage(asked, reply, 'Activity', content);
  });
}

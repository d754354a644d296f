import type { FastifyInstance } from 'fastify';
import { NoticeRefusedError } from '../../billing/drivers/driver.ts';
import { BillingError } from '../../billing/errors.ts';
import { receiveNotice } from '../../billing/notices.ts';
import { settleStanding } from '../../billing/standing.ts';
import type { Services } from '../../services.ts';

/** What Stripe tells of payments, proven by its signature over the body as it came. */
export function registerPaymentNotices(app: FastifyInstance, services: Services): void {
  const { database, drivers, config, now } = services;
  const driver = drivers.stripe;
  if (driver === undefined) return;
  app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
    const options = { config: { access: 'public', withoutCsrf: true } } as const;
    scope.post('/webhooks/stripe', options, async (asked, reply) => {
      const signature = String(asked.headers['stripe-signature'] ?? '');
      try {
        const notice = driver.readNotice(asked.body as Buffer, signature, now());
        await database.asFleet(async (db) => {
          const { changed, creatorId } = await receiveNotice(db, driver.name, notice, now());
          if (changed && creatorId !== undefined) await settleStanding(db, creatorId, config.billing, now());
        });
        return { received: true };
      } catch (error) {
        if (error instanceof NoticeRefusedError) return reply.status(400).send({ error: [error.message] });
        // It is about a payment that is not booked yet: Stripe delivers it again.
        if (error instanceof BillingError) return reply.status(409).send({ error: [error.message] });
        throw error;
      }
    });
  });
}

import type { FastifyInstance } from 'fastify';
import type { Services } from '../../services.ts';
import { registerAccount } from './account.ts';
import { registerBillingDetails } from './billing-details.ts';
import { registerFleet } from './fleet.ts';
import { registerInvoices } from './invoices.ts';
import { registerJobs } from './jobs.ts';
import { registerOidc } from './oidc.ts';
import { registerPaymentNotices } from './payment-notices.ts';
import { registerSignIn } from './sign-in.ts';
import { registerSiteChanges } from './site-changes.ts';
import { registerSiteEndings } from './site-endings.ts';
import { registerSites } from './sites.ts';

/** Every page of the dashboard and every route of the API. */
export function registerPages(app: FastifyInstance, services: Services): void {
  registerSignIn(app, services);
  registerOidc(app, services);
  registerSites(app, services);
  registerSiteChanges(app, services);
  registerSiteEndings(app, services);
  registerFleet(app, services);
  registerJobs(app, services);
  registerBillingDetails(app, services);
  registerInvoices(app, services);
  registerPaymentNotices(app, services);
  registerAccount(app, services);
}

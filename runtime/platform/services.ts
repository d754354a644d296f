import type { PaymentDrivers } from './billing/collect.ts';
import type { PlatformConfig } from './config.ts';
import type { PlatformDatabase } from './database/connection.ts';
import type { Mailer } from './mail.ts';
import type { Provisioner } from './provisioning/provisioner.ts';
import type { Queue } from './queue/queue.ts';
import type { VolatileStores } from './volatile/volatile-stores.ts';

/** What pages and jobs work with. */
export interface Services {
  readonly config: PlatformConfig;
  readonly database: PlatformDatabase;
  readonly stores: VolatileStores;
  readonly queue: Queue;
  readonly mailer: Mailer;
  readonly provisioner: Provisioner;
  readonly drivers: PaymentDrivers;
  readonly now: () => Date;
  readonly log: (text: string, error?: unknown) => void;
}

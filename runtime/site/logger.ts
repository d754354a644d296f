import { pino } from 'pino';
import type { SiteConfig } from './config.ts';

export type Logger = pino.Logger;

/** JSON lines on standard output, each with the site's slug. Written at once: a line must not be lost to an exit. */
export function createLogger(config: Pick<SiteConfig, 'slug' | 'logLevel'>): Logger {
  return pino(
    { level: config.logLevel, base: { site: config.slug }, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ dest: 1, sync: true }),
  );
}

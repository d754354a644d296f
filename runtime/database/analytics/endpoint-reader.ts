import { z } from 'zod';
import { deriveSecret } from '../../../sites/derived-secret.ts';
import type { SiteReport } from '../../site/analytics/endpoint.ts';
import { type DayWindow, daysOf, type SiteNumbers } from '../../site/analytics/numbers.ts';
import type { SitePlace } from '../connection.ts';
import { type ReadingLimits, Readings, type SiteReader } from './reader.ts';

const count = z.int().min(0);
const day = z.strictObject({
  day: z.iso.date(),
  membersTotal: count,
  membersFree: count,
  membersPaid: count,
  membersComped: count,
  membersGifted: count,
  membersNew: count,
  paidNew: count,
  paidChurned: count,
  postsPublished: count,
  emailsSent: count,
  emailsOpened: count,
  emailsClicked: count,
  comments: count,
  mrr: z.record(z.string().regex(/^[a-z]{3}$/), count),
});
const siteReport: z.ZodType<SiteReport> = z.strictObject({
  numbers: z.nullable(z.strictObject({ days: z.array(day), staff: count })),
  storageBytes: count,
  requests: z.strictObject({ process: z.string().max(64), count }),
  ghostVersion: z
    .string()
    .regex(/^\d+\.\d+\.\d+[-.\w]{0,30}$/, 'a version')
    .exactOptional(),
  newestBackupAt: z.iso.datetime().nullable().exactOptional(),
});

/** Larger answers are no site's: some hundred bytes for each day. */
const mostBytes = 8 * 1024 ** 2;

export interface EndpointReaderOptions extends ReadingLimits {
  /** Where a site's probe port answers, such as `http://ghost.site-aurora-letters.svc:2369`. */
  url(slug: string): string | Promise<string>;
  /** Key that the sites' tokens are derived from. */
  readonly key: string;
}

/** Asks a site's own process, over its probe port: for SQLite files that no other pod can open, and for what it stores. */
export class EndpointReader implements SiteReader {
  readonly #options: EndpointReaderOptions;
  readonly #readings: Readings;

  constructor(options: EndpointReaderOptions) {
    this.#options = options;
    this.#readings = new Readings(options);
  }

  async read(place: SitePlace, window: DayWindow): Promise<SiteNumbers> {
    return this.#readings.run(place.slug, async (signal) => {
      const { numbers } = await this.#ask(place.slug, window, signal);
      if (numbers === null)
        throw new TypeError('expected numbers from its endpoint; its database is not a SQLite file');
      const expected = daysOf(window);
      if (numbers.days.length !== expected.length || numbers.days.some(({ day }, at) => day !== expected[at]))
        throw new RangeError('expected the days that were asked for; got others');
      return numbers;
    });
  }

  /** What the site stores, and the requests that its process answered. */
  async report(slug: string, day: string): Promise<SiteReport> {
    return this.#readings.run(slug, (signal) => this.#ask(slug, { from: day, through: day }, signal));
  }

  async #ask(slug: string, window: DayWindow, signal: AbortSignal): Promise<SiteReport> {
    const url = new URL('/analytics', await this.#options.url(slug));
    url.search = new URLSearchParams({ ...window }).toString();
    const token = deriveSecret(this.#options.key, 'analytics-token', slug);
    const headers = { authorization: `Bearer ${token}` };
    // A redirect would take the token along.
    const response = await fetch(url, { headers, signal, redirect: 'error' });
    if (!response.ok) throw new Error(`its endpoint answers ${response.status}`);
    return siteReport.parse(JSON.parse(await textOf(response)));
  }
}

async function textOf(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > mostBytes) throw new RangeError(`expected at most ${mostBytes} bytes from its endpoint; got more`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

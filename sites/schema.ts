import { CronExpressionParser } from 'cron-parser';
import { z } from 'zod';
import { normaliseDomain } from './domain.ts';
import { databaseStrategies, identifierMaxBytes, namesOf, reservationOf, slugLength, slugPattern } from './naming.ts';
import { planKeys } from './plans.ts';

// A message says what was expected; who reports it adds file, line, path and what stood there.

const email = z.email({ error: 'an e-mail address' });
const positiveInteger = (max: number) =>
  z
    .int({ error: `a whole number from 1 to ${max}` })
    .min(1, `a whole number from 1 to ${max}`)
    .max(max, `a whole number from 1 to ${max}`);

/** Name of a cluster of databases or of a region: as Kubernetes and the clouds spell theirs. */
const resourceName = z
  .string({ error: 'a name such as eu-1' })
  .regex(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/, 'a name such as eu-1 (lower-case letters, digits, hyphens)')
  .max(40, 'a name of at most 40 characters');

const slug = z
  .string({ error: 'a slug such as aurora-letters' })
  .min(slugLength.min, `${slugLength.min} to ${slugLength.max} characters`)
  .max(slugLength.max, `${slugLength.min} to ${slugLength.max} characters`)
  .regex(slugPattern, 'lower-case letters and digits in words joined by single hyphens, a letter first')
  .superRefine((value, context) => {
    const reserved = reservationOf(value);
    if (reserved !== undefined)
      context.addIssue({ code: 'custom', message: `a slug that is not reserved for ${reserved}` });
    const longest = Object.values(namesOf(value)).reduce((a, b) =>
      Buffer.byteLength(a) >= Buffer.byteLength(b) ? a : b,
    );
    if (Buffer.byteLength(longest) > identifierMaxBytes) {
      context.addIssue({ code: 'custom', message: `a slug whose derived names fit ${identifierMaxBytes} bytes` });
    }
  });

const domain = z.string({ error: 'a host name such as letters.example.com' }).transform((value, context) => {
  const normalised = normaliseDomain(value);
  if (normalised === undefined) {
    context.addIssue({
      code: 'custom',
      message: 'a host name such as letters.example.com (no scheme, port, path, wildcard or address)',
    });
    return z.NEVER;
  }
  return normalised;
});

const database = z
  .strictObject(
    {
      strategy: z.enum(databaseStrategies, { error: `one of ${databaseStrategies.join(', ')}` }).optional(),
      cluster: resourceName.optional(),
    },
    { error: 'a mapping with strategy and cluster' },
  )
  .describe('Where the data lives; both keys default to what the stack says');

const scaling = z
  .strictObject({ min: positiveInteger(20), max: positiveInteger(20) }, { error: 'a mapping with min and max' })
  .refine((value) => value.min <= value.max, { error: 'min to be at most max', path: ['min'] })
  .describe('Replicas; above 1 only on PostgreSQL');

const cron = z
  .string({ error: 'a cron schedule such as 15 3 * * *' })
  .refine(isCronSchedule, 'a cron schedule of five fields such as 15 3 * * *');

const sender = z
  .string({ error: 'a sender such as Aurora <hello@example.com>' })
  .refine((value) => email.safeParse(/<([^<>]*)>\s*$/.exec(value)?.[1] ?? value).success && !/[\r\n]/.test(value), {
    error: 'a sender such as Aurora <hello@example.com>',
  });

/** The one definition of a site's YAML; JSON Schema, validation and types all come from here. */
export const siteSchema = z
  .strictObject(
    {
      slug: slug.describe('Key of the site: equals the file name and never changes'),
      creator: email.toLowerCase().describe('E-mail address of the creator who owns the site'),
      title: z
        .string({ error: 'a title' })
        .trim()
        .min(1, 'a title of 1 to 150 characters')
        .max(150, 'a title of 1 to 150 characters')
        .describe("Seeds Ghost's title at the first boot only"),
      domains: z
        .array(domain, { error: 'a list of host names' })
        .min(1, 'at least one host name')
        .max(20, 'at most 20 host names')
        .describe('The first is canonical, the others redirect to it'),
      plan: z.enum(planKeys, { error: `one of ${planKeys.join(', ')}` }).describe('A key of sites/plans.ts'),
      database: database.optional(),
      region: resourceName.optional().describe("Where the site's data must stay"),
      shard: z
        .int({ error: 'a whole number from 0 to 9999' })
        .min(0, 'a whole number from 0 to 9999')
        .max(9999, 'a whole number from 0 to 9999')
        .optional()
        .describe('Assigned once by site:add where the stack has shards'),
      scaling: scaling.optional(),
      storage: z.strictObject({ quotaGiB: positiveInteger(10_000) }, { error: 'a mapping with quotaGiB' }).optional(),
      search: z.boolean({ error: 'true or false' }).optional(),
      backups: z
        .strictObject(
          { schedule: cron, retentionDays: positiveInteger(3_650) },
          { error: 'a mapping with schedule and retentionDays' },
        )
        .optional(),
      ghost: z
        .strictObject(
          {
            version: z
              .string({ error: 'an exact version such as 6.65.0' })
              .regex(/^6\.\d+\.\d+$/, 'an exact version of Ghost 6 such as 6.65.0'),
          },
          { error: 'a mapping with version' },
        )
        .optional(),
      mail: z.strictObject({ from: sender }, { error: 'a mapping with from' }).optional(),
      theme: z
        .string({ error: 'the name of a theme such as source' })
        .regex(/^[a-z0-9]+([-_.][a-z0-9]+)*$/, 'the name of a theme such as source')
        .max(100, 'the name of a theme such as source')
        .optional(),
      state: z
        .enum(['active', 'paused', 'suspended'], { error: 'one of active, paused, suspended' })
        .default('active')
        .describe('Paused and suspended sites keep everything and answer with a maintenance page'),
    },
    { error: 'a mapping of keys such as slug, creator, title' },
  )
  .superRefine((site, context) => {
    if (site.database?.strategy === 'sqlite' && (site.scaling?.max ?? 1) > 1) {
      context.addIssue({
        code: 'custom',
        path: ['scaling', 'max'],
        message: '1, since only one process can write a SQLite file',
      });
    }
  });

/** A site as the registry gives it: e-mail and domains normalised, `state` resolved. */
export type Site = z.output<typeof siteSchema>;

/** A site as somebody writes it. */
export type SiteInput = z.input<typeof siteSchema>;

/** Keys of a site's YAML in the order in which they are written. */
export const siteKeys = Object.keys(siteSchema.shape) as (keyof SiteInput)[];

/** The JSON Schema (draft 2020-12) that editors read; rules that it cannot say are left to `npm run site:check`. */
export function createSiteJsonSchema(): Record<string, unknown> {
  const schema = z.toJSONSchema(siteSchema, { io: 'input' });
  return { ...schema, title: 'Site', description: 'One Ghost site of the fleet' };
}

function isCronSchedule(value: string): boolean {
  if (value.trim().split(/\s+/).length !== 5) return false;
  try {
    CronExpressionParser.parse(value, { strict: false });
    return true;
  } catch {
    return false;
  }
}

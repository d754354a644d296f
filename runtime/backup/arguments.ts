import { parseArgs } from 'node:util';
import { BackupTargetError } from '../site/backups/target.ts';
import { targetForms } from '../site/backups/target-form.ts';

export const usage = `usage: backup --target <place> [--retention-days <n>]
       restore --target <place> [--of <slug>] [--from <id>]

The commands of a site's container that keep and bring back the site that its environment describes.

  --target          ${targetForms}; S3_ENDPOINT,
                    S3_REGION, S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY say how a bucket is reached
  --retention-days  removes older backups of the site afterwards, never the newest
  --of              another site whose backup it is
  --from            a backup by its id (default: the newest)

Exit codes: 0, 1 refused and nothing changed, 69 the database did not answer, 70 internal, 78 usage or configuration.`;

/** What the container is asked to do. */
export type BackupArguments =
  | { readonly command: 'backup'; readonly target: string; readonly retentionDays: number | undefined }
  | {
      readonly command: 'restore';
      readonly target: string;
      /** Site whose backup it is; the container's own where undefined. */
      readonly of: string | undefined;
      /** Id of a backup; the newest where undefined. */
      readonly from: string | undefined;
    };

/**
 * Reads the container's arguments.
 *
 * @returns undefined when help was asked for
 * @throws BackupTargetError with every problem
 */
export function readBackupArguments([command = '', ...args]: readonly string[]): BackupArguments | undefined {
  const place = { target: { type: 'string' }, help: { type: 'boolean', short: 'h' } } as const;
  if (command === 'restore') {
    const { values } = parseArgs({ args, options: { ...place, of: { type: 'string' }, from: { type: 'string' } } });
    if (values.help) return undefined;
    return { command, target: requireTarget(values.target), of: values.of, from: values.from };
  }
  const { values } = parseArgs({ args, options: { ...place, 'retention-days': { type: 'string' } } });
  if (values.help) return undefined;
  const retentionDays = readRetention(values['retention-days']);
  return { command: 'backup', target: requireTarget(values.target), retentionDays };
}

/** @throws BackupTargetError */
export function readRetention(days: string | undefined): number | undefined {
  if (days === undefined) return undefined;
  if (!/^[1-9]\d{0,3}$/.test(days))
    throw new BackupTargetError([
      `--retention-days: expected a whole number from 1 to 9999; got ${JSON.stringify(days)}`,
    ]);
  return Number(days);
}

function requireTarget(target: string | undefined): string {
  if (target === undefined) throw new BackupTargetError([`--target: expected ${targetForms}; got none`]);
  return target;
}

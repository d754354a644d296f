import path from 'node:path';
import { EnvironmentReader } from '../environment/reader.ts';
import type { SiteConfig } from '../site/config.ts';
import { readBucketAccess } from '../site/media/bucket.ts';
import type { FileStore } from '../site/media/file-store.ts';
import { S3Store } from '../site/media/s3-store.ts';
import { DirectoryStore } from './directory-store.ts';

/** A place for backups was not named in a way that is known, or not with all that it needs; a line a problem. */
export class BackupTargetError extends Error {
  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.name = 'BackupTargetError';
  }
}

export const targetForms = 'volume, s3://<bucket>[/<prefix>] or a folder such as /backups';

/**
 * Opens the place that `target` names: `volume` is a folder in the site's own content folder. A bucket is reached as the
 * site reaches its media: `S3_ENDPOINT` (for servers other than AWS), `S3_REGION`, `S3_ACCESS_KEY_ID` and
 * `S3_SECRET_ACCESS_KEY`, each as `NAME_FILE` too; without keys as the SDK finds them.
 *
 * @throws BackupTargetError
 */
export function openTarget(
  target: string,
  { contentPath, ghostPath }: Pick<SiteConfig, 'contentPath' | 'ghostPath'>,
  env: NodeJS.ProcessEnv,
): FileStore {
  if (target === 'volume') return new DirectoryStore(path.join(contentPath, 'backups'));
  if (/^(\/|\.{1,2}\/)/.test(target)) return new DirectoryStore(target);
  const [, bucket, prefix = ''] = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*))?$/.exec(target) ?? [];
  if (bucket === undefined)
    throw new BackupTargetError([`--target: expected ${targetForms}; got ${JSON.stringify(target)}`]);
  const read = new EnvironmentReader(env);
  const access = readBucketAccess(read);
  if (read.problems.length > 0)
    throw new BackupTargetError(
      read.problems.map(({ variable, expected, got }) => `${variable}: expected ${expected}; got ${got}`),
    );
  return new S3Store(
    { ...access, bucket, prefix: prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/` },
    ghostPath,
  );
}

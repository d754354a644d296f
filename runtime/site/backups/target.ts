import path from 'node:path';
import { EnvironmentReader } from '../../environment/reader.ts';
import type { SiteConfig } from '../config.ts';
import { readBucketAccess } from '../media/bucket.ts';
import type { FileStore } from '../media/file-store.ts';
import { S3Store } from '../media/s3-store.ts';
import { DirectoryStore } from './directory-store.ts';
import { targetForm, targetForms } from './target-form.ts';

/** A place for backups was not named in a way that is known, or not with all that it needs; a line a problem. */
export class BackupTargetError extends Error {
  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.name = 'BackupTargetError';
  }
}

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
  const forms = targetForm.exec(target)?.groups;
  if (forms === undefined)
    throw new BackupTargetError([`--target: expected ${targetForms}; got ${JSON.stringify(target)}`]);
  const { folder, bucket, prefix = '' } = forms;
  if (target === 'volume') return new DirectoryStore(path.join(contentPath, 'backups'));
  if (folder !== undefined || bucket === undefined) return new DirectoryStore(target);
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

import type { MediaSettings } from '../config.ts';
import { privateFolder } from './keys.ts';

/** From this size on a file is sent in parts; parts have the least size that S3 allows. Both in bytes. */
const multipart = { multipartUploadThresholdBytes: 16 * 1024 * 1024, multipartChunkSizeBytes: 5 * 1024 * 1024 };

/**
 * Ghost's configuration for its own S3 adapters: what browsers read below `content/`, under the URLs that Ghost itself would
 * use, redirects and routes where nobody but the site reads.
 *
 * @returns values by the name under which Ghost's configuration keeps them
 */
export function ghostMediaConfig({ bucket, prefix, publicUrl, region, endpoint, credentials }: MediaSettings) {
  const place = {
    bucket,
    region,
    tenantPrefix: prefix,
    ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true }),
    ...credentials,
  };
  const storage = (folder: string) => ({
    ...place,
    ...multipart,
    cdnUrl: publicUrl,
    staticFileURLPrefix: `content/${folder}`,
  });
  const settings = { ...place, staticFileURLPrefix: `${privateFolder}/settings` };
  return {
    'storage:active': 'S3Storage',
    'storage:S3Storage': storage('images'),
    'storage:media': { adapter: 'S3Storage', ...storage('media') },
    'storage:files': { adapter: 'S3Storage', ...storage('files') },
    'adapters:redirects': { active: 'S3RedirectsStore', S3RedirectsStore: settings },
    'adapters:route-settings': { active: 'S3RouteSettingsStore', S3RouteSettingsStore: settings },
  };
}

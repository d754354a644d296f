import type { EnvironmentReader } from '../../environment/reader.ts';

/** How a bucket is reached. */
export interface BucketAccess {
  /** A server that speaks S3's protocol; undefined for AWS itself. */
  readonly endpoint: string | undefined;
  readonly region: string;
  /** Undefined: the SDK finds them, such as those of a pod's ServiceAccount. */
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string } | undefined;
}

/** A part of a bucket. */
export interface BucketSettings extends BucketAccess {
  readonly bucket: string;
  /** Begin of every key; empty, or with a slash at its end. */
  readonly prefix: string;
}

/** An address of the web without a login, a query or a fragment. */
export const webAddress = /^https?:\/\/[^\s/@?#]+(\/[^\s?#]*)?$/;

/** Reads `S3_ENDPOINT`, `S3_REGION`, `S3_ACCESS_KEY_ID` and `S3_SECRET_ACCESS_KEY`, and reports what is wrong with them. */
export function readBucketAccess(read: EnvironmentReader): BucketAccess {
  const accessKeyId = read.text('S3_ACCESS_KEY_ID');
  const secretAccessKey = read.text('S3_SECRET_ACCESS_KEY');
  if ((accessKeyId === undefined) !== (secretAccessKey === undefined))
    read.report('S3_ACCESS_KEY_ID', 'both it and S3_SECRET_ACCESS_KEY, or neither', 'one of them');
  return {
    endpoint: read.matching('S3_ENDPOINT', webAddress, 'a URL such as https://s3.example.com'),
    region: read.text('S3_REGION') ?? 'us-east-1',
    credentials:
      accessKeyId === undefined || secretAccessKey === undefined ? undefined : { accessKeyId, secretAccessKey },
  };
}

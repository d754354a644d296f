import { createRequire } from 'node:module';
import path from 'node:path';
import type * as S3 from '@aws-sdk/client-s3';
import type { BucketSettings } from './bucket.ts';
import { type FileStore, MissingFileError, type StoredFile } from './file-store.ts';

/** S3 takes parts of a larger file from 5 MiB on, and at most 10,000 of them: files of up to 160 GB. */
const partBytes = 16 * 1024 * 1024;

/** A file as a bucket gives it. */
export interface StoredObject {
  readonly content: AsyncIterable<Uint8Array>;
  /** As which a browser gets it, such as `image/png`. */
  readonly type: string | undefined;
  readonly etag: string | undefined;
}

/** Files in a bucket of S3, or of a server that speaks its protocol. */
export class S3Store implements FileStore {
  readonly label: string;
  readonly #settings: BucketSettings;
  readonly #sdk: typeof S3;
  readonly #client: S3.S3Client;

  /** @param ghostPath folder of the Ghost package, which brings the SDK */
  constructor(settings: BucketSettings, ghostPath: string) {
    const { bucket, prefix, endpoint, region, credentials } = settings;
    this.#settings = settings;
    this.label = `s3://${bucket}/${prefix}`;
    this.#sdk = createRequire(path.join(ghostPath, 'package.json'))('@aws-sdk/client-s3') as typeof S3;
    this.#client = new this.#sdk.S3Client({
      region,
      ...(credentials === undefined ? {} : { credentials }),
      // Other servers know neither a host name for each bucket nor AWS's newer checksums.
      ...(endpoint === undefined
        ? {}
        : {
            endpoint,
            forcePathStyle: true,
            requestChecksumCalculation: 'WHEN_REQUIRED',
            responseChecksumValidation: 'WHEN_REQUIRED',
          }),
    });
  }

  async list(prefix: string): Promise<StoredFile[]> {
    const files: StoredFile[] = [];
    const at = { Bucket: this.#settings.bucket, Prefix: this.#key(prefix) };
    for (let token: string | undefined, more = true; more; more = token !== undefined) {
      const page: S3.ListObjectsV2CommandOutput = await this.#client.send(
        new this.#sdk.ListObjectsV2Command({ ...at, ...(token === undefined ? {} : { ContinuationToken: token }) }),
      );
      for (const { Key, Size = 0, LastModified = new Date(0), ETag } of page.Contents ?? []) {
        if (Key === undefined) continue;
        const etag = ETag === undefined ? {} : { etag: ETag };
        files.push({ key: Key.slice(this.#key('').length), bytes: Size, modified: LastModified, ...etag });
      }
      token = page.NextContinuationToken;
    }
    return files.sort((one, other) => (one.key < other.key ? -1 : 1));
  }

  /**
   * In one piece, or in parts: no more than one part is in memory.
   *
   * @param type as which a browser gets it @default what the server says of bytes
   */
  async write(key: string, content: AsyncIterable<Uint8Array>, type?: string): Promise<void> {
    const at = { Bucket: this.#settings.bucket, Key: this.#key(key) };
    const as = type === undefined ? at : { ...at, ContentType: type };
    let upload: string | undefined;
    const parts: S3.CompletedPart[] = [];
    try {
      for await (const { bytes, last } of inParts(content)) {
        if (upload === undefined && last) {
          await this.#client.send(new this.#sdk.PutObjectCommand({ ...as, Body: bytes }));
          return;
        }
        upload ??= (await this.#client.send(new this.#sdk.CreateMultipartUploadCommand(as))).UploadId;
        const part = { ...at, UploadId: upload, PartNumber: parts.length + 1 };
        const { ETag } = await this.#client.send(new this.#sdk.UploadPartCommand({ ...part, Body: bytes }));
        parts.push({ PartNumber: part.PartNumber, ETag });
      }
      const whole = { ...at, UploadId: upload, MultipartUpload: { Parts: parts } };
      await this.#client.send(new this.#sdk.CompleteMultipartUploadCommand(whole));
    } catch (error) {
      if (upload !== undefined)
        await this.#client.send(new this.#sdk.AbortMultipartUploadCommand({ ...at, UploadId: upload }));
      throw error;
    }
  }

  async read(key: string): Promise<AsyncIterable<Uint8Array>> {
    return (await this.get(key)).content;
  }

  /** @throws MissingFileError */
  async get(key: string): Promise<StoredObject> {
    try {
      const at = { Bucket: this.#settings.bucket, Key: this.#key(key) };
      const { Body, ContentType, ETag } = await this.#client.send(new this.#sdk.GetObjectCommand(at));
      return { content: Body as AsyncIterable<Uint8Array>, type: ContentType, etag: ETag };
    } catch (error) {
      if ((error as Error).name === 'NoSuchKey') throw new MissingFileError(this.label, key);
      throw error;
    }
  }

  async remove(key: string): Promise<void> {
    const at = { Bucket: this.#settings.bucket, Key: this.#key(key) };
    await this.#client.send(new this.#sdk.DeleteObjectCommand(at));
  }

  #key(key: string): string {
    return `${this.#settings.prefix}${key}`;
  }
}

/** The content in pieces of the size of a part, and which one is the last. */
async function* inParts(content: AsyncIterable<Uint8Array>): AsyncIterable<{ bytes: Uint8Array; last: boolean }> {
  let chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of content) {
    if (size >= partBytes) {
      yield { bytes: Buffer.concat(chunks), last: false };
      chunks = [];
      size = 0;
    }
    chunks.push(chunk);
    size += chunk.byteLength;
  }
  yield { bytes: Buffer.concat(chunks), last: true };
}

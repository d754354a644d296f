import { createRequire } from 'node:module';
import path from 'node:path';
import type { MediaSettings } from '../config.ts';

/** The part of AWS' client that is used here; the module is Ghost's own copy. */
interface S3Module {
  readonly S3Client: new (options: object) => { send(command: unknown): Promise<Answer> };
  readonly ListObjectsV2Command: Command;
  readonly GetObjectCommand: Command;
  readonly PutObjectCommand: Command;
  readonly DeleteObjectCommand: Command;
}
type Command = new (input: object) => unknown;
interface Answer {
  readonly Contents?: readonly { readonly Key?: string }[];
  readonly NextContinuationToken?: string;
  readonly Body?: { transformToByteArray(): Promise<Uint8Array> };
}

/** The objects below one folder of a site's prefix. */
export class ObjectStore {
  readonly #module: S3Module;
  readonly #client: InstanceType<S3Module['S3Client']>;
  readonly #bucket: string;
  readonly #folder: string;

  /** @param folder below the site's prefix, without slashes at its ends */
  constructor({ bucket, prefix, region, endpoint, credentials }: MediaSettings, folder: string, ghostPath: string) {
    this.#module = createRequire(path.join(ghostPath, 'package.json'))('@aws-sdk/client-s3') as S3Module;
    this.#client = new this.#module.S3Client({
      region,
      ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true }),
      ...(credentials === undefined ? {} : { credentials }),
    });
    this.#bucket = bucket;
    this.#folder = `${prefix}${folder}/`;
  }

  /** Names of the objects, without the folder. */
  async list(): Promise<string[]> {
    const names: string[] = [];
    let token: string | undefined;
    do {
      const { Contents = [], NextContinuationToken } = await this.#client.send(
        new this.#module.ListObjectsV2Command({ Bucket: this.#bucket, Prefix: this.#folder, ContinuationToken: token }),
      );
      names.push(...Contents.map(({ Key = '' }) => Key.slice(this.#folder.length)));
      token = NextContinuationToken;
    } while (token !== undefined);
    return names;
  }

  async read(name: string): Promise<Uint8Array> {
    const { Body } = await this.#client.send(new this.#module.GetObjectCommand(this.#locate(name)));
    return (await Body?.transformToByteArray()) ?? new Uint8Array();
  }

  async write(name: string, Body: Uint8Array, ContentType: string): Promise<void> {
    await this.#client.send(new this.#module.PutObjectCommand({ ...this.#locate(name), Body, ContentType }));
  }

  async delete(name: string): Promise<void> {
    await this.#client.send(new this.#module.DeleteObjectCommand(this.#locate(name)));
  }

  #locate(name: string) {
    return { Bucket: this.#bucket, Key: `${this.#folder}${name}` };
  }
}

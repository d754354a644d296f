import { spawn } from 'node:child_process';
import { mkdir, open, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../scripts/services/postgres.ts';
import { installTools } from '../../scripts/tools/install.ts';

/** A server that speaks S3's protocol, with one bucket of which everybody reads what sites publish. */
export interface TestObjectStorage {
  readonly endpoint: string;
  readonly bucket: 'media';
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Variables by which a process reaches it. */
  readonly access: Readonly<Record<string, string>>;
  /** Variables that put the media of a site there. */
  readonly environment: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

interface S3Module {
  readonly S3Client: new (options: object) => { send(command: unknown): Promise<unknown> };
  readonly CreateBucketCommand: new (input: object) => unknown;
  readonly PutBucketPolicyCommand: new (input: object) => unknown;
}

const secretAccessKey = 'a-secret-of-the-tests';

/** Starts versitygw over a folder of files. @param host address that it listens on */
export async function startObjectStorage(dir: string, host = '127.0.0.1'): Promise<TestObjectStorage> {
  const { bin } = await installTools({ root: path.resolve('.'), sets: ['object-storage'] });
  const port = await freePort();
  const files = path.join(dir, 'object-storage');
  await mkdir(files, { recursive: true });
  const logFile = path.join(dir, 'object-storage.log');
  const log = await open(logFile, 'a', 0o600);
  const credentials = { accessKeyId: 'tests', secretAccessKey };
  const child = spawn(path.join(bin, 'versitygw'), ['--port', `${host}:${port}`, 'posix', files], {
    stdio: ['ignore', log.fd, log.fd],
    env: { ROOT_ACCESS_KEY: credentials.accessKeyId, ROOT_SECRET_KEY: secretAccessKey },
  });
  await log.close();
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const endpoint = `http://${host}:${port}`;
  try {
    await makeBucket(endpoint, credentials, () => child.exitCode !== null);
  } catch (error) {
    child.kill('SIGTERM');
    throw new Error(`${(error as Error).message}\n${await readFile(logFile, 'utf8')}`);
  }
  const access = {
    S3_ENDPOINT: endpoint,
    S3_ACCESS_KEY_ID: credentials.accessKeyId,
    S3_SECRET_ACCESS_KEY: secretAccessKey,
  };
  return {
    endpoint,
    bucket: 'media',
    ...credentials,
    access,
    environment: { ...access, S3_BUCKET: 'media', S3_PUBLIC_URL: `${endpoint}/media` },
    stop: () => {
      child.kill('SIGTERM');
      return ended;
    },
  };
}

async function makeBucket(endpoint: string, credentials: object, hasEnded: () => boolean): Promise<void> {
  // Ghost's own copy of AWS' client.
  const s3 = createRequire(path.resolve('.tools/ghost/package.json'))('@aws-sdk/client-s3') as S3Module;
  const client = new s3.S3Client({ endpoint, credentials, region: 'us-east-1', forcePathStyle: true });
  for (const deadline = Date.now() + 20_000; ; await sleep(100)) {
    try {
      await client.send(new s3.CreateBucketCommand({ Bucket: 'media' }));
      break;
    } catch (error) {
      if (hasEnded() || Date.now() > deadline) throw error;
    }
  }
  const policy = {
    Version: '2012-10-17',
    Statement: [
      { Effect: 'Allow', Principal: '*', Action: 's3:GetObject', Resource: 'arn:aws:s3:::media/*/content/*' },
    ],
  };
  await client.send(new s3.PutBucketPolicyCommand({ Bucket: 'media', Policy: JSON.stringify(policy) }));
}

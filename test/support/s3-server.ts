import S3rver from 's3rver';

/** A server that speaks S3's protocol, with one bucket. */
export interface S3Server {
  readonly bucket: string;
  /** How a process reaches it. */
  readonly env: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

/** Starts one on this machine; its objects lie below `directory`. It accepts signed requests of one user only. */
export async function startS3(directory: string): Promise<S3Server> {
  const bucket = 'backups';
  const server = new S3rver({
    ...{ address: '127.0.0.1', port: 0, silent: true, directory },
    configureBuckets: [{ name: bucket, configs: [] }],
  });
  const { port } = await server.run();
  return {
    bucket,
    env: {
      S3_ENDPOINT: `http://127.0.0.1:${port}`,
      S3_REGION: 'us-east-1',
      S3_ACCESS_KEY_ID: 'S3RVER',
      S3_SECRET_ACCESS_KEY: 'S3RVER',
    },
    stop: () => server.close(),
  };
}

import type { ChildProcess } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { stringify } from 'yaml';
import { endInBackground, hasEnded, startInBackground } from './background.ts';
import { freePort } from './postgres.ts';

/** A Kubernetes API without nodes: its servers as processes of this machine, on loopback. */
export interface ApiServer {
  /** File with an administrator's access. */
  readonly kubeconfig: string;
  /** Ids of its processes by their programs. */
  readonly pids: ReadonlyMap<string, number>;
  /**
   * Sends an object, or asks for a path.
   *
   * @returns the answer's text
   * @throws Error with the server's answer where it refuses
   */
  send(method: 'GET' | 'POST', location: string, body?: object): Promise<string>;
  stop(): Promise<void>;
}

/** Those without which a deleted namespace, or an object deleted with what it owns, would stay for ever. */
const indispensable = ['namespace-controller', 'garbage-collector-controller'];

/**
 * Starts them and waits until the API is ready. Authorisation is RBAC; the administrator comes in by a token of the group
 * `system:masters`; the server makes its own certificate, which the kubeconfig trusts.
 *
 * @param dir folder for data, keys and logs
 * @param bin folder of etcd, kube-apiserver and kube-controller-manager
 * @param controllers that run; by default so few that a Deployment is stored, and no pod comes of it
 */
export async function startApiServer(
  dir: string,
  bin: string,
  controllers: readonly string[] = indispensable,
): Promise<ApiServer> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const [etcdPort, peerPort, port] = [await freePort(), await freePort(), await freePort()];
  const etcdUrl = `http://127.0.0.1:${etcdPort}`;
  const children = new Map<string, ChildProcess>();
  const stop = async () => {
    for (const child of [...children.values()].reverse()) await endInBackground(child);
  };
  const start = async (program: string, args: readonly string[]) => {
    const logFile = path.join(dir, `${program}.log`);
    children.set(program, await startInBackground(path.join(bin, program), logFile, args));
  };
  try {
    await start('etcd', [
      `--data-dir=${path.join(dir, 'etcd')}`,
      `--listen-client-urls=${etcdUrl}`,
      `--advertise-client-urls=${etcdUrl}`,
      `--listen-peer-urls=http://127.0.0.1:${peerPort}`,
      // Nothing here outlives the tests.
      '--unsafe-no-fsync',
    ]);
    const token = randomBytes(24).toString('hex');
    const certificates = path.join(dir, 'certificates');
    const log = path.join(dir, 'kube-apiserver.log');
    await start('kube-apiserver', [
      `--etcd-servers=${etcdUrl}`,
      '--bind-address=127.0.0.1',
      `--secure-port=${port}`,
      `--cert-dir=${certificates}`,
      '--service-cluster-ip-range=198.19.0.0/16',
      '--authorization-mode=RBAC',
      `--token-auth-file=${await writeTokens(dir, token)}`,
      ...(await writeServiceAccountKeys(dir)),
      // Without kubelets there is nobody to ask for it.
      '--endpoint-reconciler-type=none',
      '--allow-privileged=true',
    ]);
    const kubeconfig = path.join(dir, 'kubeconfig');
    // The key is written after the certificate, which may be there by half before.
    await waitFor(() => readFile(path.join(certificates, 'apiserver.key')), children, log);
    const ca = await readFile(path.join(certificates, 'apiserver.crt'));
    await writeFile(kubeconfig, describeAccess(port, ca.toString('base64'), token), { mode: 0o600 });
    const send: ApiServer['send'] = (method, location, body) => ask({ port, ca, token }, method, location, body);
    await waitFor(() => send('GET', '/readyz'), children, log);
    // The bootstrap makes it a moment after the server is ready.
    await waitFor(() => send('GET', '/api/v1/namespaces/default'), children, log);
    await start('kube-controller-manager', [
      `--kubeconfig=${kubeconfig}`,
      `--controllers=${controllers.join(',')}`,
      '--leader-elect=false',
      '--bind-address=127.0.0.1',
      `--secure-port=${await freePort()}`,
      `--cert-dir=${path.join(dir, 'controller-certificates')}`,
      ...requestRate,
    ]);
    const pids = new Map([...children].map(([program, { pid = 0 }]) => [program, pid]));
    return { kubeconfig, pids, send, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Requests a second of what works through the API; by default they are those of a small cluster. */
export const requestRate = ['--kube-api-qps=300', '--kube-api-burst=600'] as const;

interface Access {
  readonly port: number;
  readonly ca: Buffer;
  readonly token: string;
}

function ask({ port, ca, token }: Access, method: string, location: string, body?: object): Promise<string> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, path: location, method, ca, headers }, (response) => {
      let answer = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        answer += chunk;
      });
      response.once('error', reject);
      response.once('end', () => {
        if ((response.statusCode ?? 0) < 300) resolve(answer);
        else reject(new Error(`${method} ${location}: ${response.statusCode} ${answer}`));
      });
    });
    sent.once('error', reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

async function waitFor(
  attempt: () => Promise<unknown>,
  children: ReadonlyMap<string, ChildProcess>,
  log: string,
): Promise<void> {
  const deadline = Date.now() + 120_000;
  for (;;) {
    try {
      await attempt();
      return;
    } catch (error) {
      const ended = [...children.values()].some(hasEnded);
      if (ended || Date.now() > deadline) {
        const tail = (await readFile(log, 'utf8')).trim().split('\n').slice(-10).join('\n');
        throw new Error(`the Kubernetes API did not start: ${(error as Error).message}\n${tail}`);
      }
      await sleep(100);
    }
  }
}

async function writeTokens(dir: string, token: string): Promise<string> {
  const file = path.join(dir, 'tokens.csv');
  await writeFile(file, `${token},administrator,administrator,system:masters\n`, { mode: 0o600 });
  return file;
}

async function writeServiceAccountKeys(dir: string): Promise<string[]> {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const [publicFile, privateFile] = [path.join(dir, 'accounts.pub'), path.join(dir, 'accounts.key')];
  await writeFile(publicFile, publicKey);
  await writeFile(privateFile, privateKey, { mode: 0o600 });
  return [
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${publicFile}`,
    `--service-account-signing-key-file=${privateFile}`,
  ];
}

function describeAccess(port: number, ca: string, token: string): string {
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'test',
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'administrator' } }],
    clusters: [{ name: 'test', cluster: { server: `https://127.0.0.1:${port}`, 'certificate-authority-data': ca } }],
    users: [{ name: 'administrator', user: { token } }],
  });
}

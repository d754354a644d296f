import { type ChildProcess, spawn } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdir, open, readFile, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { stringify } from 'yaml';
import { freePort } from './postgres.ts';

/** A Kubernetes API without nodes: its servers as processes of this machine, on loopback. */
export interface ApiServer {
  /** File with an administrator's access. */
  readonly kubeconfig: string;
  /**
   * Sends an object, or asks for a path.
   *
   * @throws Error with the server's answer where it refuses
   */
  send(method: 'GET' | 'POST', location: string, body?: object): Promise<void>;
  stop(): Promise<void>;
}

/** Those without which a deleted namespace, or an object deleted with what it owns, would stay for ever. */
const controllers = ['namespace-controller', 'garbage-collector-controller'];

/**
 * Starts them and waits until the API is ready. Authorisation is RBAC; the administrator comes in by a token of the group
 * `system:masters`; the server makes its own certificate, which the kubeconfig trusts. No other controllers run: a
 * Deployment is stored, and no pod comes of it.
 *
 * @param dir folder for data, keys and logs
 * @param bin folder of etcd, kube-apiserver and kube-controller-manager
 */
export async function startApiServer(dir: string, bin: string): Promise<ApiServer> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const [etcdPort, peerPort, port] = [await freePort(), await freePort(), await freePort()];
  const etcdUrl = `http://127.0.0.1:${etcdPort}`;
  const children: ChildProcess[] = [];
  const stop = async () => {
    for (const child of children.toReversed()) await end(child);
  };
  try {
    children.push(
      await start(path.join(bin, 'etcd'), path.join(dir, 'etcd.log'), [
        `--data-dir=${path.join(dir, 'etcd')}`,
        `--listen-client-urls=${etcdUrl}`,
        `--advertise-client-urls=${etcdUrl}`,
        `--listen-peer-urls=http://127.0.0.1:${peerPort}`,
        // Nothing here outlives the tests.
        '--unsafe-no-fsync',
      ]),
    );
    const token = randomBytes(24).toString('hex');
    const certificates = path.join(dir, 'certificates');
    const log = path.join(dir, 'kube-apiserver.log');
    children.push(
      await start(path.join(bin, 'kube-apiserver'), log, [
        `--etcd-servers=${etcdUrl}`,
        '--bind-address=127.0.0.1',
        `--secure-port=${port}`,
        `--cert-dir=${certificates}`,
        '--service-cluster-ip-range=198.19.0.0/24',
        '--authorization-mode=RBAC',
        `--token-auth-file=${await writeTokens(dir, token)}`,
        ...(await writeServiceAccountKeys(dir)),
        // Without kubelets there is nobody to ask for it.
        '--endpoint-reconciler-type=none',
        '--allow-privileged=true',
      ]),
    );
    const kubeconfig = path.join(dir, 'kubeconfig');
    // The key is written after the certificate, which may be there by half before.
    await waitFor(() => readFile(path.join(certificates, 'apiserver.key')), children, log);
    const ca = await readFile(path.join(certificates, 'apiserver.crt'));
    await writeFile(kubeconfig, describeAccess(port, ca.toString('base64'), token), { mode: 0o600 });
    const send: ApiServer['send'] = (method, location, body) => ask({ port, ca, token }, method, location, body);
    await waitFor(() => send('GET', '/readyz'), children, log);
    // The bootstrap makes it a moment after the server is ready.
    await waitFor(() => send('GET', '/api/v1/namespaces/default'), children, log);
    children.push(
      await start(path.join(bin, 'kube-controller-manager'), path.join(dir, 'kube-controller-manager.log'), [
        `--kubeconfig=${kubeconfig}`,
        `--controllers=${controllers.join(',')}`,
        '--leader-elect=false',
        '--bind-address=127.0.0.1',
        `--secure-port=${await freePort()}`,
        `--cert-dir=${path.join(dir, 'controller-certificates')}`,
      ]),
    );
    return { kubeconfig, send, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

interface Access {
  readonly port: number;
  readonly ca: Buffer;
  readonly token: string;
}

function ask({ port, ca, token }: Access, method: string, location: string, body?: object): Promise<void> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, path: location, method, ca, headers }, (response) => {
      let answer = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        answer += chunk;
      });
      response.once('error', reject);
      response.once('end', () => {
        if ((response.statusCode ?? 0) < 300) resolve();
        else reject(new Error(`${method} ${location}: ${response.statusCode} ${answer}`));
      });
    });
    sent.once('error', reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

async function start(program: string, logFile: string, args: readonly string[]): Promise<ChildProcess> {
  const log = await open(logFile, 'a', 0o600);
  const child = spawn(program, [...args], { stdio: ['ignore', log.fd, log.fd] });
  await log.close();
  return child;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  // The API server drains for a minute when watches are open.
  const timer = setTimeout(() => child.kill('SIGKILL'), 5_000);
  await ended;
  clearTimeout(timer);
}

async function waitFor(attempt: () => Promise<unknown>, children: readonly ChildProcess[], log: string): Promise<void> {
  const deadline = Date.now() + 120_000;
  for (;;) {
    try {
      await attempt();
      return;
    } catch (error) {
      const ended = children.some((child) => child.exitCode !== null || child.signalCode !== null);
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

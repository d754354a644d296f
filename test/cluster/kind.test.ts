import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { ClusterFolder } from '../../scripts/cluster/cluster.ts';
import { imageNames } from '../../scripts/cluster/images.ts';
import { OwnDocker } from '../../scripts/cluster/kind/own-docker.ts';
import { chooseAddresses } from '../../scripts/cluster/process/addresses.ts';
import { isAlive } from '../../scripts/cluster/process/process-id.ts';
import { findFirstProcess } from '../../scripts/cluster/process/sandbox.ts';
import { clusterCommand, clusterDriver, eventually, kubectlOf } from '../support/cluster/bed.ts';
import { findTraces, processesOf } from '../support/cluster/machine.ts';
import { runCommand } from '../support/run-script.ts';
import { temporaryDir } from '../support/site-process.ts';

const claim = {
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name: 'notes' },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Mi' } } },
};
const writer = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'writer' },
  spec: {
    containers: [
      {
        name: 'writer',
        image: imageNames.busybox,
        imagePullPolicy: 'Never',
        command: ['sh', '-c', 'echo kept >/data/note && exec sleep 3600'],
        volumeMounts: [{ name: 'data', mountPath: '/data' }],
      },
    ],
    volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'notes' } }],
  },
};

// Its files take 4 GB, and the image of its node some minutes, once.
describe.runIf(clusterDriver === 'kind')("a cluster of kind with a daemon of Docker's of its own", () => {
  let folder: ClusterFolder;
  let remove: () => Promise<void>;
  beforeAll(async () => {
    const files = await temporaryDir();
    remove = files.remove;
    folder = new ClusterFolder(path.join(files.dir, 'cluster'));
  });
  afterAll(async () => {
    const down = await clusterCommand(folder, 'down', '--volumes', '--yes');
    if (down.exitCode !== 0) throw new Error(`the cluster did not come down:\n${down.stderr}`);
    await remove();
  });

  it('comes up, goes on where its daemon was killed, and leaves nothing but the data of its volumes', async () => {
    const before = await findTraces(folder);
    const fresh = async () => (await findTraces(folder)).filter((trace) => !before.includes(trace));
    const up = await clusterCommand(folder, 'up');
    expect(up.exitCode, up.stderr).toBe(0);
    expect(await clusterCommand(folder, 'status')).toMatchObject({ exitCode: 0 });
    const { driver, ingress } = (await folder.readRecord()) ?? {};
    expect(driver).toBe('kind');
    expect((await fetch(`${ingress?.http}/`)).status).toBe(404);

    const kubectl = kubectlOf(folder);
    await kubectl.run(
      ['apply', '--server-side', '--filename=-'],
      [claim, writer].map((it) => stringify(it)).join('---\n'),
    );
    await kubectl.run(['wait', '--for=condition=Ready', 'pod/writer', '--timeout=120s']);
    const note = path.join(folder.volumes, 'default/notes/note');
    expect(await eventually(() => readFile(note, 'utf8'))).toBe('kept\n');

    const daemon = /^(\d+) /.exec(await readFile(path.join(folder.run, 'pids/dockerd'), 'utf8'))?.[1];
    for (const { pid } of await processesOf(folder)) {
      const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
      if (status.includes(`PPid:\t${daemon}\n`)) process.kill(pid, 'SIGKILL');
    }
    await eventually(async () => expect((await clusterCommand(folder, 'status')).exitCode).toBe(1));
    const again = await clusterCommand(folder, 'up');
    expect(again.exitCode, again.stderr).toBe(0);
    expect(await clusterCommand(folder, 'status')).toMatchObject({ exitCode: 0 });
    await kubectl.run(['wait', '--for=condition=Ready', 'pod/writer', '--timeout=120s']);

    const processes = await processesOf(folder);
    expect(processes.length).toBeGreaterThan(20);
    const down = await clusterCommand(folder, 'down');
    expect(down.exitCode, down.stderr).toBe(0);
    expect(down.stdout).toContain('keeps the data of default/notes');
    expect(await fresh()).toEqual([]);
    expect(await Promise.all(processes.map(isAlive))).not.toContain(true);
    expect(existsSync(folder.run)).toBe(false);
    expect(existsSync(folder.kubeconfig)).toBe(false);
    expect(await readFile(note, 'utf8')).toBe('kept\n');
  }, 1_500_000);

  it('leaves nothing of an up that was killed', async () => {
    const before = await findTraces(folder);
    const up = spawn(process.execPath, ['scripts/cluster.ts', 'up', '--dir', folder.path, '--driver', 'kind']);
    await eventually(async () => expect((await processesOf(folder)).length).toBeGreaterThan(3));
    await sleep(1_000);
    const processes = await processesOf(folder);
    up.kill('SIGKILL');
    const down = await clusterCommand(folder, 'down');
    expect(down.exitCode, down.stderr).toBe(0);
    expect((await findTraces(folder)).filter((trace) => !before.includes(trace))).toEqual([]);
    expect(await Promise.all(processes.map(isAlive))).not.toContain(true);
  }, 600_000);
});

describe.runIf(clusterDriver === 'kind')("a cluster of kind with the machine's Docker", () => {
  let dir: string;
  let remove: () => Promise<void>;
  let daemon: OwnDocker;
  let folder: ClusterFolder;
  let env: Record<string, string>;
  beforeAll(async () => {
    ({ dir, remove } = await temporaryDir());
    // Stands for the machine's: whoever is in its network finds it by the environment, as the docker client does.
    folder = new ClusterFolder(path.join(dir, 'daemon'));
    await folder.create();
    daemon = new OwnDocker(folder);
    const docker = await daemon.start(await chooseAddresses(folder.run));
    env = { DOCKER_HOST: docker.env.DOCKER_HOST ?? '', PATH: docker.env.PATH ?? '' };
  }, 120_000);
  afterAll(async () => {
    await daemon?.remove();
    await folder?.remove();
    await remove?.();
  });

  const beside = async (command: string, ...args: readonly string[]) => {
    const first = await findFirstProcess(folder);
    return runCommand('nsenter', ['--target', String(first), '--net', '--', command, ...args], env);
  };
  const cluster = (...args: readonly string[]) => {
    const options = ['--dir', path.join(dir, 'cluster'), '--driver', 'kind'];
    return beside(process.execPath, '--disable-warning=ExperimentalWarning', 'scripts/cluster.ts', ...args, ...options);
  };
  const containers = async () => (await beside('docker', 'ps', '--all', '--quiet')).stdout;

  it('comes up beside nothing else, answers on this machine alone, and goes with all that it made', async () => {
    expect(await containers()).toBe('');
    const up = await cluster('up');
    expect(up.exitCode, up.stderr).toBe(0);
    const status = await cluster('status');
    expect(status.exitCode, status.stdout).toBe(0);
    const record = await new ClusterFolder(path.join(dir, 'cluster')).readRecord();
    expect(record).toMatchObject({ driver: 'kind', ingress: { http: 'http://127.0.0.1:8088' } });
    const asked = ['--silent', '--output', '/dev/null', '--write-out', '%{http_code}', `${record?.ingress.http}/`];
    expect(await beside('curl', ...asked)).toMatchObject({ exitCode: 0, stdout: '404' });
    expect((await containers()).trim().split('\n')).toHaveLength(1);

    const again = await cluster('up');
    expect(again.exitCode, again.stderr).toBe(0);
    const down = await cluster('down', '--volumes', '--yes');
    expect(down.exitCode, down.stderr).toBe(0);
    expect(await containers()).toBe('');
    expect(existsSync(path.join(dir, 'cluster', 'run'))).toBe(false);
  }, 900_000);
});

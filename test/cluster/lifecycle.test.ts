import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ClusterFolder } from '../../scripts/cluster/cluster.ts';
import { isAlive } from '../../scripts/cluster/process/process-id.ts';
import { findFirstProcess } from '../../scripts/cluster/process/sandbox.ts';
import { clusterCommand, clusterDriver, kubectlOf } from '../support/cluster/bed.ts';
import { allProcesses, findTraces, namespacesOf, processesOf } from '../support/cluster/machine.ts';
import { temporaryDir } from '../support/site-process.ts';

let folder: ClusterFolder;
/** What tells the cluster's links and control groups from those of others. */
let id: string;
let remove: () => Promise<void>;

beforeAll(async () => {
  const files = await temporaryDir();
  remove = files.remove;
  folder = new ClusterFolder(path.join(files.dir, 'cluster'));
  id = folder.name.slice(-6);
});
afterAll(async () => {
  const down = await clusterCommand(folder, 'down', '--volumes', '--yes');
  if (down.exitCode !== 0) throw new Error(`the cluster did not come down:\n${down.stderr}`);
  await remove();
});

describe.runIf(clusterDriver === 'process')('a cluster of processes', () => {
  it('comes up, goes on where a part has died, and leaves nothing but the data of its volumes', async () => {
    const before = await findTraces(folder);
    const fresh = async () => (await findTraces(folder)).filter((trace) => !before.includes(trace));
    expect(await clusterCommand(folder, 'up')).toMatchObject({ exitCode: 0 });
    const traces = (await fresh()).join('\n');
    for (const kind of ['link', 'route', 'control group']) expect(traces).toMatch(new RegExp(`^${kind} .*${id}`, 'm'));
    const kubectl = kubectlOf(folder);
    const pods = () => kubectl.read('get', 'pods', '--all-namespaces', '--output=jsonpath={.items[*].metadata.uid}');
    const running = await pods();
    expect(running.split(' ').length).toBeGreaterThanOrEqual(4);

    const [kubelet = '0'] = (await readFile(path.join(folder.run, 'pids', 'kubelet'), 'utf8')).split(' ');
    // nsenter ends with the program that it waits for.
    const inner = (await processesOf(folder)).map(({ pid }) => pid);
    for (const pid of inner) {
      const parent = /^PPid:\s+(\d+)$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8').catch(() => ''))?.[1];
      if (parent === kubelet) process.kill(pid, 'SIGKILL');
    }
    await sleep(500);
    const broken = await clusterCommand(folder, 'status');
    expect(broken.exitCode).toBe(1);
    expect(broken.stdout).toMatch(/^FAILED kubelet +has ended/m);
    expect(await clusterCommand(folder, 'up')).toMatchObject({ exitCode: 0 });
    expect(await clusterCommand(folder, 'status')).toMatchObject({ exitCode: 0 });
    expect(await pods()).toBe(running);

    await mkdir(path.join(folder.volumes, 'things', 'notes'), { recursive: true });
    await writeFile(path.join(folder.volumes, 'things', 'notes', 'note'), 'kept');
    const processes = await processesOf(folder);
    // Programs and their nsenters, shims, and two processes a pod.
    expect(processes.length).toBeGreaterThan(20);
    const namespaces = await namespacesOf((await findFirstProcess(folder)) ?? 0);
    expect(namespaces).toHaveLength(3);

    const dry = await clusterCommand(folder, 'down', '--dry-run');
    expect(dry.stdout).toContain('keeps the data of things/notes');
    expect(await clusterCommand(folder, 'status')).toMatchObject({ exitCode: 0 });

    const down = await clusterCommand(folder, 'down');
    expect(down).toMatchObject({ exitCode: 0 });
    expect(await fresh()).toEqual([]);
    expect(await Promise.all(processes.map(isAlive))).not.toContain(true);
    for (const pid of await allProcesses()) {
      expect((await namespacesOf(pid)).filter((namespace) => namespaces.includes(namespace))).toEqual([]);
    }
    expect(existsSync(folder.run)).toBe(false);
    expect(existsSync(folder.kubeconfig)).toBe(false);
    expect(await readFile(path.join(folder.volumes, 'things', 'notes', 'note'), 'utf8')).toBe('kept');
    expect(await clusterCommand(folder, 'down')).toMatchObject({ exitCode: 0 });
  });

  it('deletes the data of volumes where it is told to', async () => {
    expect(await clusterCommand(folder, 'down', '--volumes', '--yes')).toMatchObject({ exitCode: 0 });
    expect(existsSync(folder.path)).toBe(false);
  });

  it.each([700, 2_500])('leaves nothing of an up that was killed after %i ms', async (milliseconds) => {
    const before = await findTraces(folder);
    const up = spawn(process.execPath, ['scripts/cluster.ts', 'up', '--dir', folder.path, '--driver', 'process']);
    await sleep(milliseconds);
    const processes = await processesOf(folder);
    up.kill('SIGKILL');
    expect(await clusterCommand(folder, 'down')).toMatchObject({ exitCode: 0 });
    expect((await findTraces(folder)).filter((trace) => !before.includes(trace))).toEqual([]);
    expect(await Promise.all(processes.map(isAlive))).not.toContain(true);
  });
});

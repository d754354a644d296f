import { copyFile, cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { $ } from 'zx';
import { ensureProgram, mmdebstrap } from '../../services/debian-packages.ts';
import { cacheDir, fillEntry, hashPins } from '../../tools/cache.ts';
import { moduleFolder } from '../../tools/go-module.ts';
import { manifest } from '../../tools/manifest.ts';
import { UnavailableError } from '../../tools/unavailable.ts';
import { makeImage } from '../images.ts';
import { untilAnswers } from '../until-answers.ts';
import type { Docker } from './docker.ts';

const base = 'ghost-fleet/kind-base:12';
const packages = [
  'systemd,systemd-sysv,dbus,containerd,runc,containernetworking-plugins,iptables,nftables,iproute2,conntrack,ethtool',
  'socat,kmod,ebtables,jq,procps,curl,hostname,ca-certificates,util-linux,mount,bash,rsync,tar,gzip,pigz,openssl',
].join(',');
const kubernetesVersion = `v${manifest.tools.kubelet.version}`;

const dockerfile = path.join(import.meta.dirname, 'node.Dockerfile');
const scripts = ['node-entrypoint.sh', '../kernel-settings.sh'].map((file) => path.join(import.meta.dirname, file));

/** What a node is made from. */
export interface NodeIngredients {
  /** Top level of the checkout. */
  readonly root: string;
  /** Folder of the programs of a cluster of processes. */
  readonly bin: string;
  /** A static busybox, which holds pods' namespaces. */
  readonly busybox: string;
}

/**
 * Gives Docker an image for kind's nodes, made from Debian packages, kind's own files and the programs of the manifest
 * where no registry of images can be reached; kept in the cache. It brings no network for pods.
 *
 * @returns its name
 * @throws UnavailableError
 */
export async function provideNodeImage(
  docker: Docker,
  from: NodeIngredients,
  report: (line: string) => void,
): Promise<string> {
  const own = await Promise.all([dockerfile, ...scripts].map((file) => readFile(file, 'utf8')));
  const key = await hashPins([packages, manifest.tools.kind.version, kubernetesVersion, own], []);
  const name = `ghost-fleet/kind-node:${kubernetesVersion}-${key}`;
  if (await docker.hasImage(name)) return name;
  const entry = path.join(cacheDir(), `kind-node-${kubernetesVersion}-${key}`);
  await fillEntry(entry, async (dir) => {
    report("making a node's image (some minutes, once)");
    await build(docker, from, name, dir);
    await docker.run(['save', '--output', path.join(dir, 'image.tar'), name]);
    return true;
  });
  if (!(await docker.hasImage(name))) await docker.run(['load', '--quiet'], path.join(entry, 'image.tar'));
  return name;
}

async function build(docker: Docker, from: NodeIngredients, name: string, dir: string): Promise<void> {
  const kindFiles = await moduleFolder(path.join(from.root, 'scripts/tools/go/kind'), 'sigs.k8s.io/kind');
  if (kindFiles === undefined) throw new UnavailableError("a node's image: expected Go on PATH, and kind's module");
  const context = path.join(dir, 'context');
  await mkdir(path.join(context, 'bin'), { recursive: true });
  await importBase(docker, dir);
  await cp(path.join(kindFiles, 'images', 'base', 'files'), path.join(context, 'files'), { recursive: true });
  await $`chmod -R u+w ${path.join(context, 'files')}`;
  for (const program of ['kubeadm', 'kubelet', 'kubectl', 'kube-proxy'])
    await copyFile(path.join(from.bin, program), path.join(context, 'bin', program));
  for (const script of scripts) await copyFile(script, path.join(context, path.basename(script)));
  const args = ['--build-arg', `BASE=${base}`, '--build-arg', `KUBERNETES_VERSION=${kubernetesVersion}`];
  await docker.run(['build', '--quiet', ...args, '--file', dockerfile, '--tag', `${name}-empty`, context]);
  const images = [...(await controlPlaneImages(from)), await kubeProxyImage(docker, context)];
  await addImages(docker, `${name}-empty`, name, images);
  await rm(context, { recursive: true });
}

/** Debian with what a node needs of it. */
async function importBase(docker: Docker, dir: string): Promise<void> {
  const program = await ensureProgram(mmdebstrap);
  if (program === undefined)
    throw new UnavailableError(`a node's image: expected mmdebstrap (Debian package ${mmdebstrap.debianPackage})`);
  const tar = path.join(dir, 'base.tar');
  await $({ quiet: true })`${program} --variant=minbase --include=${packages} bookworm ${tar}`;
  await docker.run(['import', tar, base]);
  await rm(tar);
}

/** What kubeadm starts as pods, under the names that it knows. */
async function controlPlaneImages({ bin, busybox }: NodeIngredients): Promise<string[]> {
  const kubeadm = path.join(bin, 'kubeadm');
  const listed = await $({ quiet: true })`${kubeadm} config images list --kubernetes-version ${kubernetesVersion}`;
  const tars: string[] = [];
  for (const name of listed.stdout.trim().split('\n')) {
    const program = path.basename(name).replace(/:.*$/, '');
    if (program === 'kube-proxy') continue;
    const isPause = program === 'pause';
    tars.push(
      await makeImage({
        // kind's containerd asks for this one.
        name: isPause ? 'registry.k8s.io/pause:3.10' : name,
        programs: isPause ? { 'bin/busybox': busybox } : { [`usr/bin/${program}`]: path.join(bin, program) },
        links: isPause ? {} : { [program]: `usr/bin/${program}` },
        entrypoint: isPause ? ['/bin/busybox', 'sleep', '2147483647'] : [`/${program}`],
        // They read the keys that kubeadm gives root alone.
        user: '0:0',
      }),
    );
  }
  return tars;
}

/** kube-proxy calls iptables, so its image is no empty one. */
async function kubeProxyImage(docker: Docker, context: string): Promise<string> {
  const name = `registry.k8s.io/kube-proxy:${kubernetesVersion}`;
  const file = path.join(context, 'kube-proxy.Dockerfile');
  await writeFile(file, `FROM ${base}\nCOPY bin/kube-proxy /usr/local/bin/kube-proxy\n`);
  await docker.run(['build', '--quiet', '--file', file, '--tag', name, context]);
  const tar = path.join(context, 'kube-proxy.tar');
  await docker.run(['save', '--output', tar, name]);
  return tar;
}

/** Gives the containerd of a node image its images, by running it for a moment. */
async function addImages(docker: Docker, from: string, to: string, tars: readonly string[]): Promise<void> {
  const container = await docker.run(['run', '--detach', '--privileged', '--entrypoint', 'containerd', from]);
  try {
    const version = ['exec', container, 'ctr', 'version'];
    await untilAnswers(`containerd in ${from}`, () => docker.run(version), 60_000);
    const load = [
      'exec',
      '--interactive',
      container,
      'ctr',
      '--namespace=k8s.io',
      'images',
      'import',
      '--no-unpack',
      '-',
    ];
    for (const tar of tars) await docker.run(load, tar);
    await docker.run(['stop', container]);
    const entrypoint = 'ENTRYPOINT ["/usr/local/bin/node-entrypoint", "/sbin/init"]';
    await docker.run(['commit', '--change', entrypoint, container, to]);
  } finally {
    await docker.run(['rm', '--force', '--volumes', container]);
  }
}

import { statSync } from 'node:fs';
import path from 'node:path';
import { cacheDir, fillEntry, hashPins } from '../tools/cache.ts';
import { manifest } from '../tools/manifest.ts';
import { currentPlatform } from '../tools/platform.ts';
import { type ImageDescription, writeImage } from './oci-image.ts';

/** Names of the images that a cluster without a registry runs, as its manifests write them. */
export const imageNames = {
  coredns: `ghost-fleet/coredns:${manifest.tools.coredns.version}`,
  traefik: `ghost-fleet/traefik:${manifest.tools.traefik.version}`,
  metricsServer: `ghost-fleet/metrics-server:${manifest.tools['metrics-server'].version}`,
  localPath: `ghost-fleet/local-path-provisioner:${manifest.tools['local-path-provisioner'].version}`,
  busybox: 'ghost-fleet/busybox:1',
} as const;

/** The same, by what the manifests in `addons/` call them. */
export const imageValues = {
  COREDNS_IMAGE: imageNames.coredns,
  TRAEFIK_IMAGE: imageNames.traefik,
  METRICS_SERVER_IMAGE: imageNames.metricsServer,
  LOCAL_PATH_IMAGE: imageNames.localPath,
  BUSYBOX_IMAGE: imageNames.busybox,
} as const;

/** Commands of busybox that manifests and tests call by name. */
const busyboxCommands = ['cat', 'httpd', 'mkdir', 'nslookup', 'rm', 'sh', 'sleep', 'test', 'wget'];

/**
 * Images of the programs that run in a cluster's pods, made on this machine and kept in the cache.
 *
 * @param bin folder of the programs
 * @param busybox a static busybox: what holds a pod's namespaces, and a shell for small jobs
 * @returns paths of their tars
 */
export async function makeImages(bin: string, busybox: string): Promise<readonly string[]> {
  const ours = (name: string, program: string): ImageDescription => ({
    name: `docker.io/${name}`,
    programs: { [`usr/bin/${program}`]: path.join(bin, program) },
    // Whatever a manifest of upstream calls its program by.
    links: { [program]: `usr/bin/${program}` },
    entrypoint: [`/usr/bin/${program}`],
  });
  const images = [
    {
      name: `docker.io/${imageNames.busybox}`,
      programs: { 'bin/busybox': busybox },
      links: Object.fromEntries(busyboxCommands.map((command) => [`bin/${command}`, 'busybox'])),
      entrypoint: ['/bin/busybox', 'sleep', '2147483647'],
    },
    ours(imageNames.coredns, 'coredns'),
    ours(imageNames.traefik, 'traefik'),
    ours(imageNames.metricsServer, 'metrics-server'),
    ours(imageNames.localPath, 'local-path-provisioner'),
  ];
  const tars: string[] = [];
  for (const image of images) tars.push(await makeImage(image));
  return tars;
}

/** The tar of an image, made unless the cache has it. */
export async function makeImage(image: ImageDescription): Promise<string> {
  const { goArch } = currentPlatform();
  const programs = Object.values(image.programs).map((file) => {
    const { mtimeMs, size } = statSync(file);
    return [mtimeMs, size];
  });
  const name = image.name.slice(image.name.lastIndexOf('/') + 1).replace(':', '-');
  const key = await hashPins([{ ...image, programs: Object.keys(image.programs) }, programs], []);
  const entry = path.join(cacheDir(), `image-${name}-${goArch}-${key}`);
  await fillEntry(entry, async (dir) => {
    await writeImage(image, goArch, dir);
    return true;
  });
  return path.join(entry, 'image.tar');
}

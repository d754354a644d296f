import {
  chmodSync,
  chownSync,
  copyFileSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { $ } from 'zx';
import { contentsOf } from './context.ts';
import { type ImageDefinition, images } from './definitions.ts';
import { listFiles } from './files.ts';
import { copyLibraries } from './libraries.ts';
import { collectPackages, readLock } from './modules.ts';
import { copyPruned, Pruner } from './prune.ts';
import { describeContents, type GhostContents } from './sbom.ts';

const usage = `usage: node scripts/image/assemble.ts ${Object.keys(images).join('|')} <folder>

Second step of an image's Dockerfile: lays out its root from what scripts/image/fetch.sh brought.`;

/** Where everything of this project lies in the image. */
const home = 'opt/ghost-fleet';

/** User and group of the container; components/pod-security.ts runs it as them. */
const user = 1000;

async function main(definition: ImageDefinition, image: string): Promise<void> {
  const root = process.cwd();
  const target = path.join(image, home);
  layOutSystem(image, definition);

  const program = contentsOf(root, definition);
  for (const file of program.files) copyInto(path.join(root, file), path.join(target, file));
  writeDescription(root, target);
  const lock = readLock(root);
  const pruner = new Pruner(root);
  // Types of packages are dependencies of some.
  const packages = collectPackages(root, lock, program.packages).filter((folder) =>
    pruner.keeps(folder, { folder: true, size: 0 }),
  );
  for (const folder of packages) copyPruned(root, folder, target);
  const ghost = definition.hasGhost ? copyGhost(root, path.join(target, 'ghost')) : undefined;

  const node = path.join(image, 'usr/local/bin/node');
  copyInto(process.execPath, node);
  const binaries = [node, ...findBinaries(target)];
  // What was compiled here; its publishers' binaries have no symbols to lose.
  const compiled = binaries.filter((file) => file.includes('/build/Release/'));
  await $({ quiet: true })`strip --strip-unneeded ${[node, ...compiled]}`;
  const system = await copyLibraries(image, binaries);
  const own = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { version: string };
  const sbom = describeContents({
    name: `ghost-fleet/${definition.name}`,
    version: ghost?.version ?? own.version,
    ...{ ghost, lock, packages, system, root: target, nodeVersion: process.versions.node },
  });
  writeFileSync(path.join(target, 'sbom.cdx.json'), sbom);
  await $`chmod -R a+rX,go-w ${image}`;
  chmodSync(path.join(image, 'tmp'), 0o1777);
  const share = ghost === undefined ? '' : `, Ghost in it ${sizeOf(ghost.folder)}`;
  console.log(`image: ${sizeOf(image)}${share}`);
}

/** Copies what a server needs of the Ghost that was brought. */
function copyGhost(root: string, folder: string): GhostContents {
  const source = realpathSync(path.join(root, '.tools/ghost'));
  copyPruned(source, '.', folder);
  removeDanglingLinks(folder);
  const pin = JSON.parse(readFileSync(path.join(root, 'runtime/site/ghost.json'), 'utf8')) as Record<string, string>;
  const { version } = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')) as { version: string };
  rmSync(path.join(folder, 'pnpm-lock.yaml'));
  return {
    folder,
    version,
    lock: readFileSync(path.join(source, 'pnpm-lock.yaml'), 'utf8'),
    integrity: version === pin.version ? (pin.integrity ?? '') : '',
  };
}

/** What every program expects of a system: its users, how names are looked up, and where mounts go. */
function layOutSystem(image: string, { user: userName, content }: ImageDefinition): void {
  rmSync(image, { recursive: true, force: true });
  const folders = ['dev', 'etc', 'proc', 'sys', 'tmp', 'usr/lib', 'usr/lib64'];
  for (const folder of [...folders, ...(content === undefined ? [] : [content])])
    mkdirSync(path.join(image, folder), { recursive: true });
  for (const folder of ['lib', 'lib64']) symlinkSync(`usr/${folder}`, path.join(image, folder));
  const etc = (name: string, lines: readonly string[]) =>
    writeFileSync(path.join(image, 'etc', name), `${lines.join('\n')}\n`);
  etc('passwd', [
    'root:x:0:0:root:/root:/sbin/nologin',
    `${userName}:x:${user}:${user}:${userName}:/tmp:/sbin/nologin`,
  ]);
  etc('group', ['root:x:0:', `${userName}:x:${user}:`]);
  etc('nsswitch.conf', ['passwd: files', 'group: files', 'hosts: files dns']);
  copyFileSync('/etc/os-release', path.join(image, 'etc/os-release'));
  if (content !== undefined) chownSync(path.join(image, content), user, user);
}

/** Node asks for no more of package.json than that this is a project of ECMAScript modules. */
function writeDescription(root: string, target: string): void {
  const { name, version, type, license } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as Record<
    string,
    string
  >;
  writeFileSync(path.join(target, 'package.json'), JSON.stringify({ name, version, type, license, private: true }));
}

function copyInto(from: string, to: string): void {
  mkdirSync(path.dirname(to), { recursive: true });
  copyFileSync(from, to);
}

function removeDanglingLinks(folder: string): void {
  for (const { file, link } of listFiles(folder)) {
    const target = path.join(folder, file);
    if (link && statSync(target, { throwIfNoEntry: false }) === undefined) rmSync(target);
  }
}

/** Compiled modules and the libraries that packages bring along. */
function findBinaries(folder: string): string[] {
  const files = listFiles(folder).filter(({ file, link }) => !link && /\.(node|so(\.[\d.]+)?)$/.test(file));
  return files.map(({ file }) => path.join(folder, file));
}

/** Megabytes of all files, each as long as it is. */
function sizeOf(folder: string): string {
  const files = listFiles(folder).filter(({ link }) => !link);
  const bytes = files.reduce((sum, { file }) => sum + statSync(path.join(folder, file)).size, 0);
  return `${(bytes / 1e6).toFixed(0)} MB`;
}

const [name = '', folder] = process.argv.slice(2);
const definition = Object.values(images).find((image) => image.name === name);
if (definition === undefined || folder === undefined) {
  console.error(usage);
  process.exitCode = name === '--help' ? 0 : 78;
} else {
  await main(definition, path.resolve(folder));
}

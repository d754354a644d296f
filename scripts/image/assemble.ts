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
import { imagePrograms } from './context.ts';
import { listFiles } from './files.ts';
import { copyLibraries } from './libraries.ts';
import { collectPackages, collectProgram, readLock } from './modules.ts';
import { copyPruned } from './prune.ts';
import { describeContents } from './sbom.ts';

const usage = `usage: node scripts/image/assemble.ts <folder>

Second step of runtime/site/Dockerfile: lays out the root of a site's image from what scripts/image/fetch.sh brought.`;

/** Where everything of this project lies in the image. */
const home = 'opt/ghost-fleet';

/** User and group of the container; components/pod-security.ts runs it as them. */
const user = 1000;

async function main(image: string): Promise<void> {
  const root = process.cwd();
  const target = path.join(image, home);
  const ghost = path.join(target, 'ghost');
  const ghostSource = realpathSync(path.join(root, '.tools/ghost'));
  layOutSystem(image);

  const program = collectProgram(root, imagePrograms);
  for (const file of program.files) copyInto(path.join(root, file), path.join(target, file));
  writeDescription(root, target);
  const lock = readLock(root);
  const packages = collectPackages(root, lock, program.packages);
  for (const folder of packages) copyPruned(root, folder, target);
  copyPruned(ghostSource, '.', ghost);
  removeDanglingLinks(ghost);

  const pin = JSON.parse(readFileSync(path.join(root, 'runtime/site/ghost.json'), 'utf8')) as Record<string, string>;
  const node = path.join(image, 'usr/local/bin/node');
  copyInto(process.execPath, node);
  const binaries = [node, ...findBinaries(target)];
  // What was compiled here; its publishers' binaries have no symbols to lose.
  const compiled = binaries.filter((file) => file.includes('/build/Release/'));
  await $({ quiet: true })`strip --strip-unneeded ${[node, ...compiled]}`;
  const system = await copyLibraries(image, binaries);
  const { version } = JSON.parse(readFileSync(path.join(ghost, 'package.json'), 'utf8')) as { version: string };
  const sbom = describeContents({
    ...{ version, ghost, lock, packages, system, root: target, nodeVersion: process.versions.node },
    ghostLock: readFileSync(path.join(ghostSource, 'pnpm-lock.yaml'), 'utf8'),
    ghostIntegrity: version === pin.version ? (pin.integrity ?? '') : '',
  });
  writeFileSync(path.join(target, 'sbom.cdx.json'), sbom);
  rmSync(path.join(ghost, 'pnpm-lock.yaml'));
  await $`chmod -R a+rX,go-w ${image}`;
  chmodSync(path.join(image, 'tmp'), 0o1777);
  console.log(`image: ${sizeOf(image)}, Ghost in it ${sizeOf(ghost)}`);
}

/** What every program expects of a system: its users, how names are looked up, and where mounts go. */
function layOutSystem(image: string): void {
  rmSync(image, { recursive: true, force: true });
  for (const folder of ['dev', 'etc', 'proc', 'sys', 'tmp', 'usr/lib', 'usr/lib64', 'var/lib/ghost/content'])
    mkdirSync(path.join(image, folder), { recursive: true });
  for (const folder of ['lib', 'lib64']) symlinkSync(`usr/${folder}`, path.join(image, folder));
  const etc = (name: string, lines: readonly string[]) =>
    writeFileSync(path.join(image, 'etc', name), `${lines.join('\n')}\n`);
  etc('passwd', ['root:x:0:0:root:/root:/sbin/nologin', `ghost:x:${user}:${user}:ghost:/tmp:/sbin/nologin`]);
  etc('group', ['root:x:0:', `ghost:x:${user}:`]);
  etc('nsswitch.conf', ['passwd: files', 'group: files', 'hosts: files dns']);
  copyFileSync('/etc/os-release', path.join(image, 'etc/os-release'));
  chownSync(path.join(image, 'var/lib/ghost/content'), user, user);
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

const [folder] = process.argv.slice(2);
if (folder === undefined || folder.startsWith('-')) {
  console.error(usage);
  process.exitCode = folder === '--help' ? 0 : 78;
} else {
  await main(path.resolve(folder));
}

import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline/promises';
import { parseArgs } from 'node:util';
import { $ } from 'zx';
import { chooseDriver } from './cluster/choose-driver.ts';
import { installCloudNative } from './cluster/cloud-native-pg.ts';
import { type ClusterDriver, ClusterFolder, contextName, type DriverName } from './cluster/cluster.ts';
import { Kubectl } from './cluster/kubectl.ts';
import { runCommand, UsageError } from './command.ts';

const usage = `usage: npm run cluster -- up | status | load <image> | down  [option ...]

A Kubernetes cluster to try things on, with Traefik (Gateway API and Ingress), DNS, metrics and a storage class.

  up            brings it up, or what of it is down
  status        its parts and how to reach it; exits 1 where something is wrong or nothing is there
  load <image>  gives it an image: a tar (docker save, OCI), or a name that docker or buildah knows
  down          ends and removes all of it, but the data on its volumes

  --driver kind|process   kind: containers of Docker; process: processes of this machine in a network of their own, for
                          Linux and root (default: kind where Docker and a registry answer, else process)
  --with cloudnative-pg   with up: the operator of PostgreSQL clusters, and Debian's PostgreSQL and PgBouncer for it
  --dir <folder>          where it keeps its files; one cluster a folder (default: .local/cluster)
  --volumes               with down: deletes the data on volumes, too
  --dry-run               with down: says what would go, and nothing more
  --yes                   with down --volumes: does not ask`;

const root = path.resolve(import.meta.dirname, '..');
const started = performance.now();

await runCommand(async () => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      driver: { type: 'string' },
      with: { type: 'string' },
      dir: { type: 'string', default: path.join(root, '.local', 'cluster') },
      volumes: { type: 'boolean', default: false },
      'dry-run': { type: 'boolean', default: false },
      yes: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const [command = '', image, ...rest] = positionals;
  checkArguments(command, image, rest, values);
  const folder = new ClusterFolder(values.dir);
  const driver = await chooseDriver(folder, root, values.driver as DriverName | undefined, report);
  switch (command) {
    case 'up':
      return up(driver, values.with !== undefined);
    case 'status':
      return status(folder, driver);
    case 'load':
      return load(folder, driver, image ?? '');
    default:
      return down(folder, driver, values);
  }
});

function checkArguments(
  command: string,
  image: string | undefined,
  rest: string[],
  options: { readonly driver?: string | undefined; readonly with?: string | undefined },
): void {
  const { driver, with: addition } = options;
  const problems: string[] = [];
  if (!['up', 'status', 'load', 'down'].includes(command)) {
    problems.push(`expected one of up, status, load, down; got ${command === '' ? 'nothing' : command}`);
  }
  if (command === 'load' && image === undefined)
    problems.push('load: expected a tar or the name of an image; got none');
  const extra = command === 'load' ? rest : [image, ...rest].filter((it) => it !== undefined);
  if (extra.length > 0) problems.push(`${command}: expected nothing more; got ${extra.join(' ')}`);
  if (driver !== undefined && driver !== 'kind' && driver !== 'process') {
    problems.push(`--driver: expected one of kind, process; got ${driver}`);
  }
  if (addition !== undefined && (addition !== 'cloudnative-pg' || command !== 'up'))
    problems.push(`--with: expected cloudnative-pg, and the command up; got ${addition} with ${command}`);
  if (problems.length > 0) throw new UsageError(problems);
}

async function up(driver: ClusterDriver, withCloudNative: boolean): Promise<number> {
  const record = await driver.up();
  if (withCloudNative) {
    report('installing CloudNativePG');
    const kubectl = new Kubectl(path.join(root, '.tools', 'bin', 'kubectl'), record.kubeconfig);
    await installCloudNative(kubectl, root, (tar) => driver.load(tar));
  }
  report('up');
  console.log(`kubeconfig  ${record.kubeconfig} (context ${contextName})`);
  console.log(`sites       curl -H 'Host: <domain>' ${record.ingress.http}/`);
  return 0;
}

async function status(folder: ClusterFolder, driver: ClusterDriver): Promise<number> {
  const record = await folder.readRecord();
  if (record === undefined) {
    console.log(`${folder.path}: no cluster`);
    return 1;
  }
  const parts = await driver.status();
  const width = Math.max(...parts.map(({ part }) => part.length), 10);
  for (const { part, healthy, detail } of parts) {
    console.log(`${healthy ? 'ok    ' : 'FAILED'} ${part.padEnd(width)} ${detail}`);
  }
  console.log(`       ${'kubeconfig'.padEnd(width)} ${record.kubeconfig} (context ${contextName})`);
  console.log(`       ${'sites'.padEnd(width)} ${record.ingress.http}`);
  return parts.length > 0 && parts.every(({ healthy }) => healthy) ? 0 : 1;
}

async function load(folder: ClusterFolder, driver: ClusterDriver, image: string): Promise<number> {
  if ((await folder.readRecord()) === undefined) throw new UsageError([`${folder.path}: no cluster; start it with up`]);
  const dir = await mkdtemp(path.join(tmpdir(), 'ghost-fleet-image-'));
  try {
    const names = await driver.load(existsSync(image) ? image : await saveImage(image, dir));
    for (const name of names) console.log(`loaded ${name}`);
    return 0;
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** Writes an image that Docker or buildah has built as a tar. */
async function saveImage(name: string, dir: string): Promise<string> {
  const tar = path.join(dir, 'image.tar');
  const shell = $({ nothrow: true, quiet: true });
  if ((await shell`docker save --output ${tar} ${name}`).exitCode === 0) return tar;
  await rm(tar, { force: true });
  if ((await shell`buildah push ${name} docker-archive:${tar}:${name}`).exitCode === 0) return tar;
  throw new UsageError([`${name}: expected a file, or an image that docker or buildah has; got neither`]);
}

async function down(
  folder: ClusterFolder,
  driver: ClusterDriver,
  options: { volumes: boolean; 'dry-run': boolean; yes: boolean },
): Promise<number> {
  const record = await folder.readRecord();
  const claims = await listClaims(folder);
  if (record === undefined && !(options.volumes && claims.length > 0)) {
    console.log(`${folder.path}: no cluster`);
    return 0;
  }
  const fate = options.volumes ? 'deletes' : 'keeps';
  if (record !== undefined) console.log(`ends the cluster ${record.name} (${record.driver}) and removes ${folder.run}`);
  for (const claim of claims) console.log(`${fate} the data of ${claim}`);
  if (options['dry-run']) return 0;
  if (options.volumes && claims.length > 0 && !options.yes && !(await confirm())) return 1;
  if (record !== undefined) await driver.down();
  if (options.volumes) await rm(folder.volumes, { recursive: true, force: true });
  await folder.remove();
  report('down');
  if (!options.volumes && claims.length > 0) console.log(`data of volumes: ${folder.volumes}`);
  return 0;
}

/** Claims whose data lies in the folder, as `<namespace>/<claim>`. */
async function listClaims(folder: ClusterFolder): Promise<string[]> {
  const claims: string[] = [];
  for (const namespace of await readdir(folder.volumes).catch(() => [])) {
    for (const claim of await readdir(path.join(folder.volumes, namespace))) claims.push(`${namespace}/${claim}`);
  }
  return claims.sort();
}

async function confirm(): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return /^y(es)?$/i.test(await terminal.question('Delete this data for good? [y/N] '));
  } finally {
    terminal.close();
  }
}

function report(line: string): void {
  console.error(`cluster: ${line} (${((performance.now() - started) / 1000).toFixed(1)} s)`);
}

import { mkdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { parseAllDocuments } from 'yaml';
import { $ } from 'zx';
import { ensureProgram, mmdebstrap } from '../services/debian-packages.ts';
import { cacheDir, fillEntry, hashPins } from '../tools/cache.ts';
import { installTools } from '../tools/install.ts';
import { manifest } from '../tools/manifest.ts';
import { moduleFiles } from '../tools/module-files.ts';
import { currentPlatform } from '../tools/platform.ts';
import { UnavailableError } from '../tools/unavailable.ts';
import { waitForDeployment } from './addons.ts';
import { makeImage } from './images.ts';
import type { Kubectl } from './kubectl.ts';
import { writeImage } from './oci-image.ts';

/** Release of Debian that has a PgBouncer from 1.19 on, which the operator's settings need, and its PostgreSQL. */
const suite = 'trixie';
export const debianPostgres = 17;

/** With what Barman's programs, which the operator's call for backups, need to reach a bucket. */
const debianPackages = [
  `postgresql-${debianPostgres}`,
  'pgbouncer',
  'barman-cli-cloud',
  'python3-boto3',
  'ca-certificates',
];

const namespace = 'cnpg-system';

/** As its publishers call them: their operator's objects and whoever makes a Cluster name them so. */
const imageNames = {
  operator: `ghcr.io/cloudnative-pg/cloudnative-pg:${manifest.tools['cloudnative-pg'].version}`,
  instance: `ghcr.io/cloudnative-pg/postgresql:${debianPostgres}`,
} as const;

/** User that the operator gives the pods of PostgreSQL. */
const postgresUser = 26;

/** Programs that the operator's own one calls. */
const postgresPrograms = [
  ...['initdb', 'postgres', 'pg_ctl', 'pg_controldata', 'pg_isready', 'pg_basebackup', 'pg_rewind', 'psql'],
  ...['pg_dump', 'pg_restore', 'pg_upgrade', 'pg_resetwal', 'pg_waldump'],
];

/**
 * Installs the operator CloudNativePG into a cluster that can fetch no image: the operator built from its Go module, and
 * PostgreSQL, PgBouncer and Barman of Debian. Safe to repeat.
 *
 * @param root top level of the checkout
 * @param load gives the cluster's nodes an image
 * @throws UnavailableError
 */
export async function installCloudNative(
  kubectl: Kubectl,
  root: string,
  load: (tar: string) => Promise<unknown>,
): Promise<void> {
  const { bin } = await installTools({ root, sets: ['cloudnative-pg'] });
  for (const tar of [await makeOperatorImage(bin), await makeInstanceImage()]) await load(tar);
  const objects = withOwnImages(await readPublishedObjects(root));
  const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects });
  await kubectl.run(['apply', '--server-side', '--force-conflicts', '--filename=-'], list);
  await waitForDeployment(kubectl, namespace, 'cnpg-controller-manager');
}

/** An object as `kubectl apply` takes it. */
export interface KubernetesObject {
  readonly kind: string;
  readonly metadata: { readonly name: string };
}

interface Deployment extends KubernetesObject {
  readonly spec: {
    readonly template: {
      readonly spec: {
        readonly containers: { imagePullPolicy: string; env: object[]; resources: { limits: { cpu?: string } } }[];
      };
    };
  };
}

/** What its publisher installs the operator with: definitions of its kinds, rights and the operator itself. */
export async function readPublishedObjects(root: string): Promise<readonly KubernetesObject[]> {
  const file = await moduleFiles(root, manifest.cloudNativeObjects);
  const text = /^https:/.test(file) ? await (await fetch(file)).text() : await readFile(file, 'utf8');
  return parseAllDocuments(text).map((document) => document.toJS() as KubernetesObject);
}

/** Has the operator take the images that are there. */
function withOwnImages(objects: readonly KubernetesObject[]): readonly KubernetesObject[] {
  for (const object of objects.filter(({ kind }) => kind === 'Deployment')) {
    for (const container of (object as Deployment).spec.template.spec.containers) {
      container.imagePullPolicy = 'IfNotPresent';
      container.env.push({ name: 'PGBOUNCER_IMAGE_NAME', value: imageNames.instance });
      // On a busy machine a tenth of a processor is not enough to be ready in time.
      delete container.resources.limits.cpu;
    }
  }
  return objects;
}

function makeOperatorImage(bin: string): Promise<string> {
  return makeImage({
    name: imageNames.operator,
    programs: { manager: path.join(bin, 'manager') },
    // By these it knows for which processors it can start instances.
    links: { [`operator/manager_${currentPlatform().goArch}`]: '../manager' },
    entrypoint: ['/manager'],
  });
}

/** Debian's PostgreSQL, PgBouncer and Barman, under the user and on the paths that the operator expects. */
async function makeInstanceImage(): Promise<string> {
  const program = await ensureProgram(mmdebstrap);
  if (program === undefined)
    throw new UnavailableError(`PostgreSQL's image: expected mmdebstrap (Debian package ${mmdebstrap.debianPackage})`);
  const packages = debianPackages.join(',');
  const entry = path.join(
    cacheDir(),
    `image-cloudnative-pg-instance-${await hashPins([suite, packages, postgresPrograms], [])}`,
  );
  await fillEntry(entry, async (dir) => {
    const [base, tar] = [path.join(dir, 'base'), path.join(dir, 'base.tar')];
    await $({ quiet: true })`${program} ${baseArguments(packages)} ${suite} ${tar}`;
    await mkdir(base);
    await $({ quiet: true })`tar --extract --file ${tar} --directory ${base} --exclude=./dev/*`;
    await writeImage(
      {
        name: imageNames.instance,
        base,
        programs: {},
        links: {
          'usr/bin/pgbouncer': '../sbin/pgbouncer',
          ...Object.fromEntries(
            postgresPrograms.map((name) => [
              `usr/local/bin/${name}`,
              `../../lib/postgresql/${debianPostgres}/bin/${name}`,
            ]),
          ),
        },
        path: '/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
        entrypoint: ['/usr/local/bin/postgres'],
        user: `${postgresUser}:${postgresUser}`,
      },
      currentPlatform().goArch,
      dir,
    );
    await rm(base, { recursive: true });
    await rm(tar);
    return true;
  });
  return path.join(entry, 'image.tar');
}

function baseArguments(packages: string): string[] {
  // A package that is configured makes a cluster of its own, unless it is told not to.
  const settings = '$1/etc/postgresql-common';
  const hooks = [
    `--essential-hook=mkdir -p "${settings}" && echo create_main_cluster=false >"${settings}/createcluster.conf"`,
    `--customize-hook=chroot "$1" usermod --uid ${postgresUser} postgres`,
  ];
  const without = ['/usr/share/doc/*', '/usr/share/man/*', '/usr/share/locale/*', '/usr/lib/llvm*', '*/bitcode/*'];
  const options = without.map((files) => `--dpkgopt=path-exclude=${files}`);
  return ['--quiet', '--variant=minbase', `--include=${packages}`, '--dpkgopt=force-confold', ...options, ...hooks];
}

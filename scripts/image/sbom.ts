import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { Enums, Models, Serialize, Spec } from '@cyclonedx/cyclonedx-library';
import { parseAllDocuments } from 'yaml';
import type { SystemPackage } from './libraries.ts';
import type { LockedPackage } from './modules.ts';

/** What an image consists of. */
export interface ImageContents {
  readonly name: string;
  readonly version: string;
  readonly nodeVersion: string;
  /** Undefined where it has none. */
  readonly ghost: GhostContents | undefined;
  readonly lock: Readonly<Record<string, LockedPackage>>;
  /** Folders of this project's packages, keys of `lock`. */
  readonly packages: readonly string[];
  /** Top level of what `packages` are relative to. */
  readonly root: string;
  readonly system: readonly SystemPackage[];
}

/** The Ghost of an image. */
export interface GhostContents {
  /** Where the pruned package is in the image. */
  readonly folder: string;
  readonly version: string;
  /** Text of the lockfile that came with it. */
  readonly lock: string;
  readonly integrity: string;
}

interface NpmPackage {
  readonly name: string;
  readonly version: string;
  readonly integrity: string | undefined;
  readonly license: string | undefined;
}

interface PnpmLock {
  readonly packages: Readonly<Record<string, { readonly resolution: { readonly integrity?: string } }>>;
}

/**
 * Lists everything in an image as CycloneDX 1.6 in JSON. Names, versions and checksums are those of the two lockfiles;
 * which of the locked packages are there, and under which licence, says the image.
 *
 * @throws Error for a package that no lockfile knows
 */
export function describeContents(contents: ImageContents): string {
  const bom = new Models.Bom();
  const { name: image, version, ghost, nodeVersion, system } = contents;
  bom.metadata.component = new Models.Component(Enums.ComponentType.Container, image, {
    version,
    bomRef: `${image}@${version}`,
  });
  const npm = [...readOwnPackages(contents), ...(ghost === undefined ? [] : readGhost(ghost))];
  for (const found of new Map(npm.map((each) => [purlOf(each), each])).values()) bom.components.add(asComponent(found));
  bom.components.add(
    new Models.Component(Enums.ComponentType.Application, 'node', {
      version: nodeVersion,
      bomRef: `pkg:generic/node@${nodeVersion}`,
      purl: `pkg:generic/node@${nodeVersion}`,
    }),
  );
  for (const { name, version: debian } of system) {
    const purl = `pkg:deb/debian/${encodeURIComponent(name)}@${encodeURIComponent(debian)}`;
    bom.components.add(
      new Models.Component(Enums.ComponentType.Library, name, { version: debian, bomRef: purl, purl }),
    );
  }
  const normalizer = new Serialize.JSON.Normalize.Factory(Spec.Spec1dot6);
  return new Serialize.JsonSerializer(normalizer).serialize(bom, { sortLists: true, space: 1 });
}

function readOwnPackages({ root, packages, lock }: ImageContents): NpmPackage[] {
  return packages.map((folder) => ({ ...readPackage(path.join(root, folder)), integrity: lock[folder]?.integrity }));
}

function readGhost({ folder, lock, integrity }: GhostContents): NpmPackage[] {
  return [...readGhostPackages(folder, lock), { ...readPackage(folder), integrity }];
}

/** pnpm's store has a folder for each package and set of peers. */
function readGhostPackages(ghost: string, lockText: string): NpmPackage[] {
  // pnpm's own release stands in a document before the one of the packages.
  const documents = parseAllDocuments(lockText).map((document) => document.toJS({ maxAliasCount: -1 }) as PnpmLock);
  const { packages } = documents.at(-1) ?? { packages: {} };
  const store = path.join(ghost, 'node_modules/.pnpm');
  const found: NpmPackage[] = [];
  for (const entry of readdirSync(store).filter((name) => name !== 'node_modules')) {
    const scope = entry.startsWith('@') ? `${entry.slice(0, entry.indexOf('+'))}/` : '';
    const name = `${scope}${entry.slice(scope.length, entry.indexOf('@', 1))}`;
    const folder = path.join(store, entry, 'node_modules', name);
    const { version, license } = readPackage(folder);
    // Those that Ghost's tarball carries are locked by the name of their file.
    const locked =
      packages[`${name}@${version}`] ?? Object.entries(packages).find(([key]) => key.startsWith(`${name}@file:`))?.[1];
    if (locked === undefined) throw new Error(`${folder}: expected ${name}@${version} in Ghost's pnpm-lock.yaml`);
    found.push({ name, version, license, integrity: locked.resolution.integrity });
  }
  return found;
}

function readPackage(folder: string): Omit<NpmPackage, 'integrity'> {
  const { name, version, license } = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')) as {
    name: string;
    version: string;
    license?: string | { type?: string };
  };
  return { name, version, license: typeof license === 'object' ? license.type : license };
}

function asComponent({ name, version, integrity, license, ...rest }: NpmPackage): Models.Component {
  const purl = purlOf({ name, version, integrity, license, ...rest });
  const hashes = new Models.HashDictionary();
  const [, digest] = /^sha512-(.+)$/.exec(integrity ?? '') ?? [];
  if (digest !== undefined) hashes.set(Enums.HashAlgorithm['SHA-512'], Buffer.from(digest, 'base64').toString('hex'));
  const component = new Models.Component(Enums.ComponentType.Library, name, { version, bomRef: purl, purl, hashes });
  if (license !== undefined && license !== '') component.licenses.add(new Models.NamedLicense(license));
  return component;
}

function purlOf({ name, version }: NpmPackage): string {
  return `pkg:npm/${name.replace('@', '%40')}@${encodeURIComponent(version)}`;
}

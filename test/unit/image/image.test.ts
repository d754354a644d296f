import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { contentsOf, listInputs } from '../../../scripts/image/context.ts';
import { images } from '../../../scripts/image/definitions.ts';
import { collectPackages, readLock } from '../../../scripts/image/modules.ts';
import { Pruner } from '../../../scripts/image/prune.ts';

describe("what goes into a site's image", () => {
  const program = contentsOf('.', images.site);

  it('is what its programs import, their threads, and the SQL that they read', () => {
    expect(program.files).toContain('runtime/site/entrypoint.ts');
    expect(program.files).toContain('runtime/site/analytics/sqlite-worker.ts');
    expect(program.files).toContain('runtime/backup/main.ts');
    expect(program.files).toContain('runtime/site/database/compat/mysql-compat.sql');
    expect(program.files.filter((file) => !/^(runtime|sites)\//.test(file))).toEqual([]);
  });

  it('has the packages of those programs and no tool', () => {
    const folders = collectPackages('.', readLock('.'), program.packages);
    expect(folders).toContain('node_modules/pg-protocol');
    expect(folders.filter((folder) => /typescript|pulumi|vitest|better-sqlite3|aws-sdk/.test(folder))).toEqual([]);
  });

  it('changes with the Dockerfile and the pins', () => {
    expect(listInputs('.', images.site)).toEqual(
      expect.arrayContaining(['runtime/site/Dockerfile', 'package-lock.json']),
    );
  });

  it('is pinned alike in the Dockerfile and where the rest of the project reads it', () => {
    const dockerfile = readFileSync('runtime/site/Dockerfile', 'utf8');
    const node = /^NODE_VERSION=(.+)$/m.exec(readFileSync('scripts/versions.env', 'utf8'))?.[1];
    expect(dockerfile).toContain(`ARG BASE=node:${node}-bookworm-slim\n`);
    const { version } = JSON.parse(readFileSync('runtime/site/ghost.json', 'utf8')) as { version: string };
    expect([...dockerfile.matchAll(/^ARG GHOST_VERSION=(.*)$/gm)].map(([, found]) => found)).toEqual([
      version,
      version,
    ]);
  });
});

describe("what goes into the platform's image", () => {
  const { files, packages } = contentsOf('.', images.platform);

  it('is what its programs import, style and scripts of its pages, and nothing of Ghost', () => {
    expect(files).toContain('runtime/platform/database/migrations/001-tenancy.ts');
    expect(files).toContain('runtime/platform/web/assets/style.css');
    expect(files.filter((file) => !/^(runtime|sites)\//.test(file))).toEqual([]);
    expect(listInputs('.', images.platform).filter((file) => /ghost|runtime\/site\/Dockerfile/.test(file))).toEqual([]);
  });

  it('has the packages of those programs, fonts and charts, and neither tools nor what is compiled', () => {
    const folders = collectPackages('.', readLock('.'), packages);
    for (const name of ['dejavu-fonts-ttf', 'fastify', 'fontkit', 'uplot'])
      expect(folders).toContain(`node_modules/${name}`);
    expect(folders.filter((folder) => /pulumi|vitest|better-sqlite3|aws-sdk/.test(folder))).toEqual([]);
  });

  it('is made from the same base as that of a site', () => {
    const bases = Object.values(images).map(
      ({ dockerfile }) => /^ARG BASE=(.+)$/m.exec(readFileSync(dockerfile, 'utf8'))?.[1],
    );
    expect(new Set(bases).size).toBe(1);
  });
});

describe('pruning', () => {
  let root: string;
  let pruner: Pruner;
  const store = 'node_modules/.pnpm/lib@1.0.0/node_modules/lib';
  beforeAll(() => {
    root = mkdtempSync(path.join(tmpdir(), 'ghost-fleet-prune-'));
    mkdirSync(path.join(root, store), { recursive: true });
    mkdirSync(path.join(root, 'node_modules/odd'), { recursive: true });
    writeFileSync(path.join(root, store, 'package.json'), '{"name":"lib","main":"index.js"}');
    writeFileSync(path.join(root, 'node_modules/odd/package.json'), '{"name":"odd","exports":{"./x":"./test/x.js"}}');
    pruner = new Pruner(root);
  });
  afterAll(() => rmSync(root, { recursive: true, force: true }));
  const file = (name: string) => pruner.keeps(name, { folder: false, size: 10 });
  const folder = (name: string) => pruner.keeps(name, { folder: true, size: 0 });

  it('leaves out sources, maps, documentation and what compilers left', () => {
    for (const name of [
      'index.d.ts',
      'index.js.map',
      'README.md',
      'src/a.cc',
      'build/Release/obj.target/a.node',
      'vendor/x',
    ])
      expect([name, file(`${store}/${name}`)]).toEqual([name, false]);
    expect(pruner.removed.get('documentation')).toBe(10);
  });

  it('keeps licences, run-time modules in vendor/, compiled modules and the READMEs of content folders', () => {
    for (const name of ['LICENSE.md', 'vendor/index.js', 'build/Release/a.node', 'lib/index.mjs', 'data.json'])
      expect([name, file(`${store}/${name}`)]).toEqual([name, true]);
    expect(file('content/images/README.md')).toBe(true);
  });

  it('keeps of the fonts those that documents are set in', () => {
    const fonts = ['DejaVuSans.ttf', 'DejaVuSans-Bold.ttf', 'DejaVuSerif.ttf', 'DejaVuSansMono-Bold.ttf'];
    const kept = fonts.filter((name) => file(`node_modules/dejavu-fonts-ttf/ttf/${name}`));
    expect(kept).toEqual(['DejaVuSans.ttf', 'DejaVuSans-Bold.ttf']);
    expect(file('node_modules/dejavu-fonts-ttf/package.json')).toBe(true);
  });

  it('leaves out packages for building, wherever they stand, and not those that are named alike', () => {
    expect(folder('node_modules/.pnpm/typescript@7.0.2')).toBe(false);
    expect(folder('node_modules/.pnpm/@types+node@26.0.0')).toBe(false);
    expect(folder('node_modules/lib/node_modules/node-gyp')).toBe(false);
    expect(folder('node_modules/.pnpm/viem@2.55.11_typescript@7.0.2_zod@3.25.76')).toBe(true);
    expect(folder('node_modules/.pnpm/node_modules')).toBe(true);
    expect(folder('node_modules/.pnpm/node-gyp-build@4.8.4')).toBe(true);
  });

  it("leaves out a package's own tests, unless the package says that it exports them", () => {
    expect(folder(`${store}/test`)).toBe(false);
    expect(folder(`${store}/lib/test`)).toBe(true);
    expect(folder('node_modules/odd/test')).toBe(true);
    expect(folder('core/server/test')).toBe(true);
  });
});

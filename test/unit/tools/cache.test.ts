import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fillEntry, hashPins } from '../../../scripts/tools/cache.ts';
import { temporaryDir } from '../../support/site-process.ts';

let dir: string;
let remove: () => Promise<void>;
beforeEach(async () => {
  ({ dir, remove } = await temporaryDir());
});
afterEach(() => remove());

describe('an entry of the cache', () => {
  it('is made once by two runs at once', async () => {
    const entry = path.join(dir, 'tool-1');
    let made = 0;
    const fill = async (into: string) => {
      made += 1;
      await writeFile(path.join(into, 'program'), 'x');
      return true;
    };
    expect(await Promise.all([fillEntry(entry, fill), fillEntry(entry, fill)])).toEqual([true, true]);
    expect(made).toBe(1);
    expect(await readdir(dir)).toEqual(['tool-1']);
  });

  it('is absent, and so is every trace of the attempt, where making it failed or had nothing to put in', async () => {
    const entry = path.join(dir, 'tool-1');
    const broken = fillEntry(entry, async (into) => {
      await writeFile(path.join(into, 'half'), 'x');
      throw new Error('no space');
    });
    await expect(broken).rejects.toThrow('no space');
    expect(await fillEntry(entry, async () => false)).toBe(false);
    expect(await readdir(dir)).toEqual([]);
  });

  it('is made by the next run after a run that was killed, which leaves nothing behind', async () => {
    const entry = path.join(dir, 'tool-1');
    const source = `
      const { fillEntry } = await import(${JSON.stringify(path.resolve('scripts/tools/cache.ts'))});
      await fillEntry(${JSON.stringify(entry)}, () => { console.log('filling'); return new Promise((go) => setTimeout(go, 60_000)); });`;
    const killed = spawn(process.execPath, ['--input-type=module', '-e', source], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    await once(killed.stdout, 'data');
    killed.kill('SIGKILL');
    await once(killed, 'exit');
    expect(existsSync(`${entry}.lock`)).toBe(true);
    expect(await fillEntry(entry, async () => true)).toBe(true);
    expect(await readdir(dir)).toEqual(['tool-1']);
  });
});

describe('the name of an entry', () => {
  it('changes with what is pinned and with each source of a module, not with anything else', async () => {
    const module = path.join(dir, 'module');
    await mkdir(module);
    await writeFile(path.join(module, 'go.sum'), 'a');
    const before = await hashPins({ version: '1' }, [module]);
    await writeFile(path.join(module, 'notes.md'), 'notes');
    expect(await hashPins({ version: '1' }, [module])).toBe(before);
    expect(await hashPins({ version: '2' }, [module])).not.toBe(before);
    await writeFile(path.join(module, 'go.sum'), 'b');
    expect(await hashPins({ version: '1' }, [module])).not.toBe(before);
    expect(await readFile(path.join(module, 'go.sum'), 'utf8')).toBe('b');
  });
});

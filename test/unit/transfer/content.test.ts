import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { copyContent } from '../../../scripts/transfer/content.ts';

let dir = '';
const write = (file: string, text: string) => {
  mkdirSync(path.dirname(path.join(dir, file)), { recursive: true });
  writeFileSync(path.join(dir, file), text);
};
beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'content-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

describe('copying a content folder', () => {
  it('takes what people put there, follows links, and leaves data and logs', async () => {
    write('from/images/a/cat.png', 'cat');
    write('elsewhere/index.hbs', 'theme');
    mkdirSync(path.join(dir, 'from/themes'));
    symlinkSync(path.join(dir, 'elsewhere'), path.join(dir, 'from/themes/mine'));
    write('from/data/ghost.db', 'data');
    write('from/logs/x.log', 'log');
    expect(await copyContent(path.join(dir, 'from'), path.join(dir, 'to'))).toBe(2);
    expect(readFileSync(path.join(dir, 'to/themes/mine/index.hbs'), 'utf8')).toBe('theme');
    expect(() => readFileSync(path.join(dir, 'to/data/ghost.db'))).toThrow('ENOENT');
    expect(await copyContent(path.join(dir, 'from'), path.join(dir, 'to'))).toBe(0);
  });

  it('copies nothing where one file is there with other bytes', async () => {
    write('from/images/a.png', 'new');
    write('from/images/b.png', 'one');
    write('to/images/b.png', 'two');
    await expect(copyContent(path.join(dir, 'from'), path.join(dir, 'to'))).rejects.toThrow(
      /images\/b\.png: expected no file, or the same/,
    );
    expect(readFileSync(path.join(dir, 'to/images/b.png'), 'utf8')).toBe('two');
    expect(() => readFileSync(path.join(dir, 'to/images/a.png'))).toThrow('ENOENT');
  });

  it('says that a folder is no content folder', async () => {
    await expect(copyContent(path.join(dir, 'nowhere'), dir)).rejects.toThrow(
      /--content: expected Ghost's content folder/,
    );
  });
});

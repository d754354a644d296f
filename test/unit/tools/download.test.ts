import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ChecksumError, download, findChecksum } from '../../../scripts/tools/download.ts';
import { temporaryDir } from '../../support/site-process.ts';

let dir: string;
let remove: () => Promise<void>;
let publisher: Server;
let files: Record<string, Buffer>;
let url: string;

beforeEach(async () => {
  ({ dir, remove } = await temporaryDir());
  files = {};
  publisher = createServer((request, response) => {
    const file = files[request.url ?? ''];
    response.writeHead(file === undefined ? 404 : 200).end(file);
  }).listen(0, '127.0.0.1');
  await once(publisher, 'listening');
  url = `http://127.0.0.1:${(publisher.address() as AddressInfo).port}`;
});
afterEach(async () => {
  publisher.close();
  await remove();
});

const sha256 = (content: Buffer) => createHash('sha256').update(content).digest('hex');

describe('a download', () => {
  it('is unpacked when it is what the publisher says', async () => {
    await mkdir(path.join(dir, 'made', 'release'), { recursive: true });
    await writeFile(path.join(dir, 'made', 'release', 'tool'), '#!/bin/sh\n');
    execFileSync('tar', ['-czf', path.join(dir, 'release.tar.gz'), '-C', path.join(dir, 'made'), 'release']);
    const archive = await readFile(path.join(dir, 'release.tar.gz'));
    files['/release.tar.gz'] = archive;
    files['/SHA256SUMS'] = Buffer.from(`${'0'.repeat(64)}  other.tar.gz\n${sha256(archive)}  release.tar.gz\n`);
    const source = { url: `${url}/release.tar.gz`, checksums: `${url}/SHA256SUMS`, folder: 'release' };
    expect(await download(source, ['tool'], path.join(dir, 'into'))).toBe(true);
    expect(await readdir(path.join(dir, 'into'))).toEqual(['tool']);
    expect((await stat(path.join(dir, 'into', 'tool'))).mode & 0o777).toBe(0o755);
  });

  it('may be the program itself, with a checksum that stands alone', async () => {
    files['/tool'] = Buffer.from('program');
    files['/tool.sha256'] = Buffer.from(sha256(Buffer.from('program')));
    const source = { url: `${url}/tool`, checksums: `${url}/tool.sha256` };
    expect(await download(source, ['tool'], path.join(dir, 'into'))).toBe(true);
    expect(await readFile(path.join(dir, 'into', 'tool'), 'utf8')).toBe('program');
  });

  it('is refused when it is something else', async () => {
    files['/tool'] = Buffer.from('program with a surprise');
    files['/tool.sha256'] = Buffer.from(sha256(Buffer.from('program')));
    const source = { url: `${url}/tool`, checksums: `${url}/tool.sha256` };
    await expect(download(source, ['tool'], path.join(dir, 'into'))).rejects.toThrow(ChecksumError);
  });

  it('leaves the choice to the caller where the publisher has no file, no checksum or no answer', async () => {
    files['/tool'] = Buffer.from('program');
    expect(await download({ url: `${url}/tool`, checksums: `${url}/none` }, ['tool'], dir)).toBe(false);
    files['/none'] = Buffer.from('');
    expect(await download({ url: `${url}/tool`, checksums: `${url}/none` }, ['tool'], dir)).toBe(false);
    files['/missing.sha256'] = Buffer.from('a'.repeat(64));
    expect(await download({ url: `${url}/missing`, checksums: `${url}/missing.sha256` }, ['tool'], dir)).toBe(false);
    publisher.close();
    publisher.closeAllConnections();
    expect(await download({ url: `${url}/tool`, checksums: `${url}/tool` }, ['tool'], dir)).toBe(false);
  });
});

describe('a list of checksums', () => {
  const sum = 'b'.repeat(64);
  it('is read by the name of the file', () => {
    expect(findChecksum(`${'c'.repeat(64)}  a.tar.gz\n${sum} *./b.tar.gz\n`, 'b.tar.gz')).toBe(sum);
    expect(findChecksum(`${sum}  a.tar.gz\n`, 'b.tar.gz')).toBeUndefined();
    expect(findChecksum(`${sum}\n`, 'b.tar.gz')).toBe(sum);
    expect(findChecksum('<html>not found</html>', 'b.tar.gz')).toBeUndefined();
  });
});

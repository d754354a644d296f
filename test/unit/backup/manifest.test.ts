import { describe, expect, it } from 'vitest';
import {
  type BackupManifest,
  backupId,
  DamagedBackupError,
  formatManifest,
  parseManifest,
} from '../../../runtime/backup/manifest.ts';
import { momentOf } from '../../../runtime/site/backups/newest.ts';

const manifest: BackupManifest = {
  format: 1,
  slug: 'aurora',
  id: '20261125T031500Z',
  ghostVersion: '6.65.0',
  database: {
    kind: 'rows',
    migrations: [{ name: '1.js', version: '6.65' }],
    tables: [
      {
        name: 'posts',
        key: ['id'],
        columns: [{ name: 'id', kind: 'text', type: 'character varying', maxLength: undefined }],
        ...{ file: 'database/posts.ndjson.gz', rows: 2, checksum: '00' },
      },
    ],
  },
  files: [{ path: 'database/posts.ndjson.gz', bytes: 3, sha256: 'ab' }],
};

describe('the manifest of a backup', () => {
  it('comes back as it was written', () => {
    expect(parseManifest(formatManifest(manifest), 'key')).toEqual(JSON.parse(JSON.stringify(manifest)));
  });

  it('is refused when anything in it was changed, or is no JSON, or of a format to come', () => {
    const text = formatManifest(manifest);
    for (const [from, to] of [
      ['"rows": 2', '"rows": 3'],
      ['"ab"', '"ac"'],
      ['database/posts', 'content/posts'],
      ['"sha256":', '"sha-256":'],
    ] as const) {
      expect(text).toContain(from);
      expect(() => parseManifest(text.replace(from, to), 'key'), from).toThrow(DamagedBackupError);
    }
    expect(() => parseManifest(text.slice(0, -10), 'aurora/key')).toThrow('aurora/key: expected JSON');
    expect(() => parseManifest(text.replace('"format": 1', '"format": 2'), 'key')).toThrow('expected format 1; got 2');
    expect(() => parseManifest('null', 'key')).toThrow(DamagedBackupError);
  });

  it('names its moment in a way that sorts', () => {
    const moment = new Date('2026-11-25T03:15:00.987Z');
    expect(backupId(moment)).toBe('20261125T031500Z');
    expect(momentOf(backupId(moment))).toEqual(new Date('2026-11-25T03:15:00Z'));
  });
});

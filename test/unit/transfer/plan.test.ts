import { describe, expect, it } from 'vitest';
import type { Table } from '../../../runtime/database/transfer/database.ts';
import { compareVersions, planTables } from '../../../runtime/database/transfer/plan.ts';

const ghost = { version: '6.65.0', migrations: ['1-create-tables.js', '6.64-a.js', '6.65-b.js'] };
const all = [
  { name: '1-create-tables.js', version: 'init' },
  { name: '6.64-a.js', version: '6.64' },
  { name: '6.65-b.js', version: '6.65' },
];

function table(name: string, columns: Record<string, 'text' | 'integer'>): Table {
  const list = Object.entries(columns).map(([column, kind]) => ({
    name: column,
    kind,
    type: kind,
    maxLength: undefined,
  }));
  return { name, key: ['id'], columns: list };
}

describe('versions', () => {
  it('are the same when the same migrations have run, in whatever order', () => {
    expect(compareVersions({ migrations: all.toReversed(), locked: false }, ghost)).toEqual([]);
  });

  it('are the same when a long-lived source remembers migrations that Ghost no longer carries', () => {
    const migrations = [{ name: '3-old.js', version: '3.40' }, { name: '6.9-gone.js', version: '6.9' }, ...all];
    expect(compareVersions({ migrations, locked: false }, ghost)).toEqual([]);
  });

  it('differ when the source is older, newer, or its migration was interrupted', () => {
    const older = compareVersions({ migrations: all.slice(0, 2), locked: false }, ghost);
    expect(older).toHaveLength(1);
    expect(older[0]).toMatch(/got one of Ghost 6\.64: 1 of its migrations have not run there, such as 6\.65-b\.js/);
    const newer = compareVersions({ migrations: [...all, { name: 'x.js', version: '6.100' }], locked: false }, ghost);
    expect(newer[0]).toMatch(/got one of Ghost 6\.100: 1 of newer releases have, such as x\.js/);
    expect(compareVersions({ migrations: all, locked: true }, ghost)[0]).toMatch(/lock is taken/);
  });

  it('of exports are compared by their release', () => {
    expect(compareVersions({ release: '6.65.3' }, ghost)).toEqual([]);
    expect(compareVersions({ release: '6.6.0' }, ghost)[0]).toMatch(
      /expected an export of Ghost 6\.65; got one of 6\.6\.0/,
    );
  });
});

describe('the plan', () => {
  it('leaves the ledgers where they are', () => {
    const ledgers = [table('migrations', { id: 'integer' }), table('migrations_lock', { lock_key: 'text' })];
    expect(planTables(ledgers, ledgers.slice(0, 1))).toEqual({ tables: [], problems: [] });
  });

  it('names what only one side has, and types that are not alike', () => {
    const source = [table('posts', { id: 'text', mood: 'text', views: 'text' }), table('moods', { id: 'text' })];
    const target = [table('posts', { id: 'text', views: 'integer', slug: 'text' }), table('tags', { id: 'text' })];
    expect(planTables(source, target).problems).toEqual([
      'table moods: expected in both; only the source has it',
      'table tags: expected in both; only the target has it',
      'column posts.mood: expected in both; only the source has it',
      'column posts.views: expected integer or its like; the source has text',
      'column posts.slug: expected in both; only the target has it',
    ]);
  });

  it('does not take a source whose first start was interrupted', () => {
    const marked = [table('ghost_fleet_initialising', { started_at: 'text' })];
    expect(planTables(marked, []).problems).toEqual([
      'source: expected a complete site; got one whose first start was interrupted',
    ]);
  });
});

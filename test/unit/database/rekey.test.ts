import { describe, expect, it } from 'vitest';
import { type FixtureTable, rekey, UnknownSecretError } from '../../../runtime/database/rekey.ts';

const owner = '6b072a12d34fb441613ba333';
const post = '6b072a18d34fb441613ba3d3';
const uuid = '1e3a0c7a-4a3e-4851-a443-ed48e8ab9d37';
const secret = '30e65a4435f9e9a44a9af2d021';
const password = '$2b$10$80hjr389w8ixSo5Qvj.n6ePL2IkY9/9OrP4tvnfBEXHjrj2oO0bvG';

const fixtures: FixtureTable[] = [
  { relation: 'users', rows: [{ id: owner, name: 'Ghost', password, created_at: '2026-11-25T18:33:54', bio: null }] },
  {
    relation: 'posts',
    rows: [
      { id: post, uuid, title: 'About', published_by: owner, published_at: '2026-11-25T18:34:00', featured: 0 },
      {
        id: '6b072a18d34fb441613ba3d5',
        uuid: null,
        title: 'Facade',
        lexical: `{"url":"/p/${uuid}/",\n"by":"${owner}"}`,
      },
    ],
  },
  { relation: 'api_keys', rows: [{ id: '6b072a1dd34fb441613ba3d8', secret, user_id: owner }] },
];
const now = new Date('2027-02-03T04:05:06Z');

const row = (tables: readonly FixtureTable[], table: number, at = 0) => tables[table]?.rows[at] ?? {};

describe('fixtures with new keys', () => {
  const rekeyed = rekey(fixtures, now);

  it('hold no id, UUID, secret or hash of the old', () => {
    const text = JSON.stringify(rekeyed);
    for (const old of [owner, post, uuid, secret, password, password.slice(7)]) expect(text).not.toContain(old);
  });

  it('are as consistent as the old: what was equal stays equal, inside of texts too', () => {
    const { id } = row(rekeyed, 0);
    expect(row(rekeyed, 1).published_by).toBe(id);
    expect(row(rekeyed, 2).user_id).toBe(id);
    expect(row(rekeyed, 1, 1).lexical).toBe(`{"url":"/p/${row(rekeyed, 1).uuid}/",\n"by":"${id}"}`);
  });

  it('keep form and order: ids of 24 digits that sort as before, secrets as long as before', () => {
    const ids = rekeyed.flatMap(({ rows }) => rows.map((one) => String(one.id)));
    expect(ids.every((id) => /^[0-9a-f]{24}$/.test(id))).toBe(true);
    expect([...ids].sort()).toEqual(ids);
    expect(row(rekeyed, 2).secret).toMatch(/^[0-9a-f]{26}$/);
    expect(row(rekeyed, 1).uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(row(rekeyed, 0).password).toMatch(/^\$2b\$10\$[./A-Za-z0-9]{53}$/);
  });

  it('are as old as if they had been made now, and keep what is no key', () => {
    expect(row(rekeyed, 1).published_at).toBe('2027-02-03T04:05:06');
    expect(row(rekeyed, 0).created_at).toBe('2027-02-03T04:05:00');
    expect(row(rekeyed, 0)).toMatchObject({ name: 'Ghost', bio: null });
    expect(row(rekeyed, 1)).toMatchObject({ title: 'About', featured: 0 });
  });

  it('are others every time', () => {
    const again = rekey(fixtures, now);
    expect(row(again, 0).id).not.toBe(row(rekeyed, 0).id);
    expect(row(again, 2).secret).not.toBe(row(rekeyed, 2).secret);
  });

  it('are refused where a column named like a secret holds something of an unknown form', () => {
    const strange = [{ relation: 'api_keys', rows: [{ secret: 'Zm9vYmFyYmF6' }] }];
    expect(() => rekey(strange, now)).toThrow(UnknownSecretError);
    expect(() => rekey(strange, now)).toThrow('api_keys.secret');
    expect(() => rekey(strange, now)).not.toThrow('Zm9vYmFyYmF6');
  });
});

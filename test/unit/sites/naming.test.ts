import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  identifierMaxBytes,
  namesOf,
  reservationOf,
  searchPathOf,
  slugLength,
  slugPattern,
} from '../../../sites/naming.ts';

const slugs = fc
  .stringMatching(/^[a-z][a-z0-9]{0,12}(-[a-z0-9]{1,12}){0,3}$/)
  .filter((slug) => slug.length >= slugLength.min && slug.length <= slugLength.max);

describe('names derived from a slug', () => {
  it('are those of the contract', () => {
    expect(namesOf('aurora-letters')).toEqual({
      database: 'ghost_site_aurora_letters',
      schema: 'site_aurora_letters',
      ownerRole: 'site_aurora_letters',
      readerRole: 'site_aurora_letters_reader',
      sqliteFile: 'data/aurora-letters-ghost.db',
      namespace: 'site-aurora-letters',
      redisUser: 'site:aurora-letters',
      redisKeyPrefix: 'site:aurora-letters:',
      mediaPrefix: 'aurora-letters/',
      searchIndex: 'site_aurora_letters',
      localHost: 'aurora-letters.localhost',
    });
    expect(searchPathOf('aurora-letters', 'schema')).toEqual(['site_aurora_letters', 'public', 'mysql_compat']);
    expect(searchPathOf('aurora-letters', 'database')).toEqual(['public', 'mysql_compat']);
  });

  it('never meet for two slugs', () => {
    fc.assert(
      fc.property(slugs, slugs, (one, other) => {
        fc.pre(one !== other);
        const names = Object.values(namesOf(one));
        const others = new Set(Object.values(namesOf(other)));
        // A role of one site may be spelt like another kind of name of the same site, never like one of a neighbour.
        expect(names.filter((name) => others.has(name))).toEqual([]);
      }),
    );
  });

  it('fit PostgreSQL and Kubernetes for every slug that the schema allows', () => {
    fc.assert(
      fc.property(slugs, (slug) => {
        expect(slug).toMatch(slugPattern);
        const names = namesOf(slug);
        for (const name of [names.database, names.schema, names.ownerRole, names.readerRole, names.searchIndex]) {
          expect(Buffer.byteLength(name)).toBeLessThanOrEqual(identifierMaxBytes);
          expect(name).toMatch(/^[a-z][a-z0-9_]*$/);
        }
        expect(names.namespace).toMatch(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/);
      }),
    );
    const longest = `a${'-b'.repeat(19)}c`;
    expect(longest).toHaveLength(slugLength.max);
    expect(namesOf(longest).readerRole.length).toBeLessThanOrEqual(identifierMaxBytes);
  });
});

describe('reserved slugs', () => {
  it('are refused with the reason, by name and by prefix', () => {
    expect(reservationOf('postgres')).toBe('a database of PostgreSQL');
    expect(reservationOf('kube-system')).toBe('the namespaces of Kubernetes');
    expect(reservationOf('constructor')).toBeUndefined();
    expect(reservationOf('kubernetes-weekly')).toBeUndefined();
  });
});

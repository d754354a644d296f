import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { normaliseDomain } from '../../../sites/domain.ts';
import { createSiteJsonSchema, siteSchema } from '../../../sites/schema.ts';

const valid = {
  slug: 'aurora-letters',
  creator: 'Mira@Example.com',
  title: 'Aurora Letters',
  domains: ['Aurora.Example.com.', 'bücher.example'],
  plan: 'studio',
};

describe('the schema of a site', () => {
  it('normalises e-mail and domains and defaults the state', () => {
    expect(siteSchema.parse(valid)).toEqual({
      ...valid,
      creator: 'mira@example.com',
      domains: ['aurora.example.com', 'xn--bcher-kva.example'],
      state: 'active',
    });
  });

  it('refuses more than one replica of a SQLite site', () => {
    const site = { ...valid, database: { strategy: 'sqlite' }, scaling: { min: 1, max: 2 } };
    expect(siteSchema.safeParse(site).error?.issues[0]?.path).toEqual(['scaling', 'max']);
    expect(siteSchema.safeParse({ ...site, database: { strategy: 'schema' } }).success).toBe(true);
  });

  it('is what sites/site.schema.json was generated from (npm run site:schema)', async () => {
    const file = JSON.parse(await readFile('sites/site.schema.json', 'utf8')) as unknown;
    expect(file).toEqual(JSON.parse(JSON.stringify(createSiteJsonSchema())));
  });
});

describe('a domain', () => {
  it.each([
    ['https://a.example.com'],
    ['a.example.com/path'],
    ['a.example.com:8080'],
    ['*.example.com'],
    ['localhost'],
    ['192.168.0.1'],
    ['[::1]'],
    ['a..example.com'],
    ['-a.example.com'],
    ['a b.example.com'],
    ['user@example.com'],
    [`${'a'.repeat(64)}.example.com`],
    [''],
    ['.'],
  ])('is not %j', (text) => {
    expect(normaliseDomain(text)).toBeUndefined();
  });

  it('has one spelling, whatever its case and trailing dot', () => {
    fc.assert(
      fc.property(fc.domain(), fc.boolean(), (domain, dot) => {
        const once = normaliseDomain(domain.toUpperCase() + (dot ? '.' : ''));
        expect(once).toBe(normaliseDomain(domain));
        if (once !== undefined) expect(normaliseDomain(once)).toBe(once);
      }),
    );
  });
});

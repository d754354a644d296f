/** Entries that must each be refused, with the exact line that `site:check` prints for them. */
export const brokenEntries: readonly {
  readonly name: string;
  readonly content: string | Buffer;
  readonly line: string;
}[] = [
  entry('bad-cluster.yaml', 'database: { cluster: eu1 }', '6 database.cluster: expected one of eu-1, us-1; got "eu1"'),
  entry(
    'bad-cron.yaml',
    'backups: { schedule: every night, retentionDays: 30 }',
    '6 backups.schedule: expected a cron schedule of five fields such as 15 3 * * *; got "every night"',
  ),
  entry('bad-creator.yaml', '', '2 creator: expected an e-mail address; got "mira"', { creator: 'mira' }),
  entry(
    'bad-domain.yaml',
    '',
    '4 domains[0]: expected a host name such as letters.example.com (no scheme, port, path, wildcard or address); got "https://a.example.com/"',
    { domains: '["https://a.example.com/"]' },
  ),
  entry(
    'bad-ghost.yaml',
    'ghost: { version: ^6.0.0 }',
    '6 ghost.version: expected an exact version of Ghost 6 such as 6.65.0; got "^6.0.0"',
  ),
  entry(
    'bad-mail.yaml',
    'mail: { from: "Aurora <hello>" }',
    '6 mail.from: expected a sender such as Aurora <hello@example.com>; got "Aurora <hello>"',
  ),
  entry('bad-plan.yaml', '', '5 plan: expected one of starter, studio, publisher; got "gold"', { plan: 'gold' }),
  entry(
    'bad-quota.yaml',
    'storage: { quotaGiB: 0 }',
    '6 storage.quotaGiB: expected a whole number from 1 to 10000; got 0',
  ),
  entry('bad-region.yaml', 'region: mars', '6 region: expected one of eu, us; got "mars"'),
  entry('bad-replicas.yaml', 'scaling: { min: 3, max: 2 }', '6 scaling.min: expected min to be at most max; got 3'),
  entry(
    'bad-residency.yaml',
    'region: eu\ndatabase: { cluster: us-1 }',
    '7 database.cluster: expected a cluster in the region eu; got "us-1 in us"',
  ),
  entry('bad-search.yaml', 'search: perhaps', '6 search: expected true or false; got "perhaps"'),
  entry('bad-shard.yaml', 'shard: -1', '6 shard: expected a whole number from 0 to 9999; got -1'),
  entry(
    'bad-sqlite.yaml',
    'database: { strategy: sqlite }\nscaling: { min: 1, max: 3 }',
    '7 scaling.max: expected 1, since only one process can write a SQLite file; got 3',
  ),
  entry('bad-state.yaml', 'state: deleted', '6 state: expected one of active, paused, suspended; got "deleted"'),
  entry(
    'bad-strategy.yaml',
    'database: { strategy: mysql }',
    '6 database.strategy: expected one of sqlite, schema, database; got "mysql"',
  ),
  entry('bad-theme.yaml', 'theme: ../casper', '6 theme: expected the name of a theme such as source; got "../casper"'),
  entry('bad-title.yaml', '', '3 title: expected a title of 1 to 150 characters; got ""', { title: '""' }),
  {
    name: 'double-key.yaml',
    content: 'slug: double-key\nslug: double-key\n',
    line: '2: expected valid YAML; got Map keys must be unique',
  },
  { name: 'empty.yaml', content: '', line: '1: expected a mapping of keys such as slug, creator, title; got null' },
  {
    name: 'latin-one.yaml',
    content: Buffer.from('title: Caf\xe9\n', 'latin1'),
    line: '1: expected UTF-8 text; got bytes that are not UTF-8',
  },
  {
    name: 'many.yaml',
    content: 'slug: &a many\ntitle: *a\n',
    line: '2: expected values written out; got the alias *a',
  },
  {
    name: 'not-a-map.yaml',
    content: '- slug: not-a-map\n',
    line: '1: expected a mapping of keys such as slug, creator, title; got [{"slug":"not-a-map"}]',
  },
  {
    name: 'not-yaml.yaml',
    content: 'slug: [unclosed\n',
    line: '2: expected valid YAML; got Flow sequence in block collection must be sufficiently indented and end with a ]',
  },
  entry('other-name.yaml', '', '1 slug: expected the file\'s name, other-name; got "another-name"', {
    slug: 'another-name',
  }),
  entry(
    'postgres.yaml',
    '',
    '1 slug: expected a slug that is not reserved for a database of PostgreSQL; got "postgres"',
  ),
  { name: 'short.yml', content: 'slug: short\n', line: '1: expected the file to be called short.yaml; got short.yml' },
  entry(
    'taken-second.yaml',
    '',
    '4 domains[0]: expected a domain that DIR/taken-first.yaml does not have; got "taken-first.example.com"',
    { domains: '[TAKEN-first.example.com.]' },
  ),
  {
    name: 'too-large.yaml',
    content: `title: ${'x'.repeat(70_000)}\n`,
    line: '1: expected at most 65536 bytes; got 70008 bytes',
  },
  entry(
    'Upper-Case.yaml',
    '',
    '1 slug: expected lower-case letters and digits in words joined by single hyphens, a letter first; got "Upper-Case"',
  ),
  entry(
    'unknown-key.yaml',
    'plann: studio',
    '6 plann: expected one of the keys slug, creator, title, domains, plan, database, region, shard, scaling, storage, search, backups, ghost, mail, theme, state; got the key "plann"',
  ),
  entry(
    'very-long-slug-that-nobody-would-ever-type-in.yaml',
    '',
    '1 slug: expected 3 to 40 characters; got "very-long-slug-that-nobody-would-ever-type-in"',
  ),
];

interface Overrides {
  readonly slug?: string;
  readonly creator?: string;
  readonly title?: string;
  readonly domains?: string;
  readonly plan?: string;
}

function entry(name: string, extra: string, line: string, overrides: Overrides = {}) {
  const stem = name.replace(/\.yaml$/, '');
  const lines = [
    `slug: ${overrides.slug ?? stem}`,
    `creator: ${overrides.creator ?? 'mira@example.com'}`,
    `title: ${overrides.title ?? 'A Title'}`,
    `domains: ${overrides.domains ?? `[${stem.toLowerCase()}.example.com]`}`,
    `plan: ${overrides.plan ?? 'studio'}`,
  ];
  return { name, content: `${[...lines, extra].filter(Boolean).join('\n')}\n`, line };
}

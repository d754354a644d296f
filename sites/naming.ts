/** How a site's data is kept apart from its neighbours': a SQLite file, a schema of a shared database, or a database. */
export type DatabaseStrategy = 'sqlite' | 'schema' | 'database';

export const databaseStrategies = ['sqlite', 'schema', 'database'] as const satisfies readonly DatabaseStrategy[];

/** What a slug looks like: words of lower-case letters and digits joined by single hyphens, a letter first. */
export const slugPattern = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;

/** Bounds of a slug's length, in characters. 40 keeps the longest derived name within PostgreSQL's 63 bytes. */
export const slugLength = { min: 3, max: 40 } as const;

/** PostgreSQL truncates longer identifiers silently (NAMEDATALEN - 1), Kubernetes refuses longer labels (RFC 1123). */
export const identifierMaxBytes = 63;

/** Every name that is derived from a site's slug. Nothing else in the project builds one. */
export interface SiteNames {
  /** PostgreSQL database of strategy `database`. */
  readonly database: string;
  /** PostgreSQL schema of strategy `schema`. */
  readonly schema: string;
  /** PostgreSQL role that owns the site's database or schema. */
  readonly ownerRole: string;
  /** PostgreSQL role that analytics reads with. */
  readonly readerRole: string;
  /** SQLite file, relative to the site's content path. */
  readonly sqliteFile: string;
  /** Kubernetes namespace. */
  readonly namespace: string;
  /** Redis ACL user. */
  readonly redisUser: string;
  /** Prefix of every Redis key of the site. */
  readonly redisKeyPrefix: string;
  /** Prefix of the site's objects in the media bucket. */
  readonly mediaPrefix: string;
  /** Search index. */
  readonly searchIndex: string;
  /** Host name under which the local fleet serves the site. */
  readonly localHost: string;
}

/**
 * Derives every name from a slug. The mapping is one to one: `_` cannot occur in a slug, so replacing `-` by `_` cannot
 * make two slugs meet.
 */
export function namesOf(slug: string): SiteNames {
  const identifier = slug.replaceAll('-', '_');
  return {
    database: `ghost_site_${identifier}`,
    schema: `site_${identifier}`,
    ownerRole: `site_${identifier}`,
    readerRole: `site_${identifier}_reader`,
    sqliteFile: `data/${slug}-ghost.db`,
    namespace: `site-${slug}`,
    redisUser: `site:${slug}`,
    redisKeyPrefix: `site:${slug}:`,
    mediaPrefix: `${slug}/`,
    searchIndex: `site_${identifier}`,
    localHost: `${slug}.localhost`,
  };
}

/** PostgreSQL's search path for a site, set on its role in its database; its compatibility schema comes last. */
export function searchPathOf(slug: string, strategy: 'schema' | 'database'): readonly string[] {
  const shared = ['public', 'mysql_compat'];
  return strategy === 'schema' ? [namesOf(slug).schema, ...shared] : shared;
}

/**
 * Slugs that mean something else already: a host of the platform, a schema or database of PostgreSQL, a namespace of
 * Kubernetes. The value says what.
 */
export const reservedSlugs: Readonly<Record<string, string>> = {
  admin: "the platform's own host names",
  api: "the platform's own host names",
  app: "the platform's own host names",
  assets: "the platform's own host names",
  auth: "the platform's own host names",
  billing: "the platform's own host names",
  blog: "the platform's own host names",
  cdn: "the platform's own host names",
  content: "Ghost's own paths",
  dashboard: "the platform's own host names",
  default: 'a namespace of Kubernetes',
  docs: "the platform's own host names",
  ftp: "the platform's own host names",
  ghost: "Ghost's own paths",
  grafana: "the platform's own host names",
  help: "the platform's own host names",
  imap: "the platform's own host names",
  localhost: 'the local machine',
  login: "the platform's own host names",
  mail: "the platform's own host names",
  members: "Ghost's own paths",
  metrics: "the platform's own host names",
  platform: 'the platform itself',
  pop: "the platform's own host names",
  postgres: 'a database of PostgreSQL',
  public: 'a schema of PostgreSQL',
  search: "the platform's own host names",
  smtp: "the platform's own host names",
  static: "the platform's own host names",
  status: "the platform's own host names",
  support: "the platform's own host names",
  template0: 'a database of PostgreSQL',
  template1: 'a database of PostgreSQL',
  traefik: "the platform's own host names",
  webmail: "the platform's own host names",
  www: "the platform's own host names",
};

const reservedPrefixes: Readonly<Record<string, string>> = {
  'kube-': 'the namespaces of Kubernetes',
  'pg-': 'the schemas of PostgreSQL',
  'xn--': 'internationalised host names',
};

/** Says what a slug is reserved for, or undefined when it is free to use. */
export function reservationOf(slug: string): string | undefined {
  if (Object.hasOwn(reservedSlugs, slug)) return reservedSlugs[slug];
  const prefix = Object.keys(reservedPrefixes).find((start) => slug.startsWith(start));
  return prefix === undefined ? undefined : reservedPrefixes[prefix];
}

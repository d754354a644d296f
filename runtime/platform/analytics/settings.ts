import type { SiteServer } from '../../database/connection.ts';

/** How sites' numbers are reached. */
export interface AnalyticsSettings {
  /** Key that the sites' reading passwords and tokens are derived from. */
  readonly key: string;
  /** PostgreSQL servers by name of the cluster; `default` is that of sites that name none. */
  readonly servers: Readonly<Record<string, SiteServer>>;
  /** Folder with each site's content folder, where SQLite files are on this machine. */
  readonly contentRoot: string | undefined;
  /** Where a site's probe port answers, `{slug}` in it; undefined: who runs the sites knows. */
  readonly probeUrl: string | undefined;
}

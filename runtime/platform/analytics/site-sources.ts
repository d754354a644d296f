import path from 'node:path';
import { EndpointReader } from '../../database/analytics/endpoint-reader.ts';
import { DatabaseReader } from '../../database/analytics/reader.ts';
import { RoutedReader } from '../../database/analytics/routed-reader.ts';
import { SiteDatabases, type SiteServer } from '../../database/connection.ts';
import type { Provisioner } from '../provisioning/provisioner.ts';
import type { SiteSources } from './jobs.ts';

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

/**
 * Reads PostgreSQL sites in their databases, SQLite sites in their file where it is on this machine and by their probe port
 * elsewhere, and asks every site's probe port for storage and requests.
 */
export function createSiteSources(settings: AnalyticsSettings, provisioner: Provisioner): SiteSources {
  const { key, servers, contentRoot, probeUrl } = settings;
  const url = (slug: string) => probeUrl?.replaceAll('{slug}', slug) ?? provisioner.probeUrl(slug);
  const endpoint = new EndpointReader({ key, url });
  const files = contentRoot === undefined ? {} : { contentPath: (slug: string) => path.join(contentRoot, slug) };
  const databases = new DatabaseReader(new SiteDatabases({ servers, key, ...files }));
  return {
    reader: new RoutedReader({ sqlite: contentRoot === undefined ? endpoint : databases, postgres: databases }),
    usage: async ({ slug }, day) => {
      const { storageBytes, requests } = await endpoint.report(slug, day);
      return { storageBytes, requests: [requests] };
    },
  };
}

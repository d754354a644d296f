import path from 'node:path';
import { EndpointReader } from '../../database/analytics/endpoint-reader.ts';
import { DatabaseReader, type SiteReader } from '../../database/analytics/reader.ts';
import { RoutedReader } from '../../database/analytics/routed-reader.ts';
import { SiteDatabases } from '../../database/connection.ts';
import type { Provisioner } from '../provisioning/provisioner.ts';
import type { AnalyticsSettings } from './settings.ts';
import type { UsageSource } from './usage.ts';

/** What a round of visits needs beside the platform's own database. */
export interface SiteSources {
  readonly reader: SiteReader;
  readonly usage?: UsageSource;
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
      const { storageBytes, requests, ghostVersion, newestBackupAt } = await endpoint.report(slug, day);
      const newest = typeof newestBackupAt === 'string' ? new Date(newestBackupAt) : newestBackupAt;
      return {
        storageBytes,
        requests: [requests],
        ...(ghostVersion === undefined ? {} : { ghostVersion }),
        ...(newest === undefined ? {} : { newestBackupAt: newest }),
      };
    },
  };
}

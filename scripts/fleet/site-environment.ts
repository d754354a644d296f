import type { Site } from '../../sites/schema.ts';
import type { FleetDatabases } from './databases.ts';
import { ghostPathOf } from './ghost-release.ts';
import { analyticsTokenFile, platformPublicKey } from './platform-secrets.ts';
import type { StateDir } from './state-dir.ts';

/** Where a site answers. */
export interface SiteAddress {
  readonly url: string;
  readonly port: number;
  readonly probePort: number;
}

/**
 * Environment of a process of a site of the local fleet; its database and its release of Ghost are made ready if need be.
 */
export async function siteEnvironment(
  site: Site,
  { state, databases }: { readonly state: StateDir; readonly databases: FleetDatabases },
  { url, port, probePort }: SiteAddress,
): Promise<Record<string, string | undefined>> {
  const ghostPath = await ghostPathOf(site.ghost?.version);
  return {
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    TZ: 'UTC',
    NODE_ENV: 'production',
    SITE_SLUG: site.slug,
    SITE_URL: url,
    SITE_TITLE: site.title,
    SITE_THEME: site.theme,
    CONTENT_PATH: state.contentPath(site.slug),
    GHOST_PATH: ghostPath,
    HOST: '127.0.0.1',
    PORT: String(port),
    PROBE_PORT: String(probePort),
    MAIL_FROM: site.mail?.from,
    STOP_ON_STDIN_END: 'true',
    ANALYTICS_TOKEN_FILE: await analyticsTokenFile(state, site.slug),
    BACKUP_TARGET: state.backups,
    PLATFORM_PUBLIC_KEY: await platformPublicKey(state),
    // Ghost mails a code to whoever signs in from a new browser, and no mail leaves this machine.
    security__staffDeviceVerification: 'false',
    ...(await databases.environmentFor(site, ghostPath)),
  };
}

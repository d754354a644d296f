import path from 'node:path';
import * as k8s from '@pulumi/kubernetes';
import * as pulumi from '@pulumi/pulumi';
import { CreatorSite, type CreatorSiteArgs } from '../components/creator-site.ts';
import { searchInstanceOf } from '../components/search-service.ts';
import { RegistryError, requireRegistry } from '../sites/registry.ts';
import { readStackConfig, type StackConfiguration } from './config.ts';
import { type Placement, placeSites } from './placement.ts';
import { createPlatform, dnsOf, ingressOf } from './platform.ts';
import { mailOf, type PlatformAccess, publishPlatform, referencePlatform } from './platform-access.ts';
import type { StackSettings } from './settings.ts';

/**
 * The whole of a stack: the platform (or, in a shard, a reference to it) and a `CreatorSite` for every YAML that lives in
 * it.
 *
 * @param projectDir folder of Pulumi.yaml, with the settings in `stacks/`; the registry lies where they say
 * @returns the stack's outputs
 * @throws StackSettingsError, RegistryError with every problem at once, before anything is touched
 */
export async function deployStack(projectDir: string): Promise<Record<string, unknown>> {
  const configuration = await readStackConfig(path.join(projectDir, 'stacks'));
  const { settings } = configuration;
  const placements = await placeRegistry(settings, projectDir);
  warnOfStaleness(placements);

  const kubernetes = createKubernetesProvider(settings);
  const isShard = settings.shard !== undefined;
  const platform = isShard ? referencePlatform(settings) : createPlatform(configuration, kubernetes);
  const sites = placements.map(
    (placement) => new CreatorSite(siteArgs(placement, configuration, platform), { providers: { kubernetes } }),
  );

  return {
    sites: Object.fromEntries(sites.map((site, index) => [placements[index]?.site.slug ?? '', describe(site)])),
    ...(isShard ? {} : publishPlatform(platform)),
  };
}

async function placeRegistry(settings: StackSettings, projectDir: string): Promise<readonly Placement[]> {
  const dir = path.relative('', path.resolve(projectDir, settings.sites));
  // Where sites lie in files, clusters are the platform's, and those of the few sites that are placed in one by name.
  const clusters = settings.databaseStrategy === 'sqlite' ? [] : settings.clusters;
  const registry = await requireRegistry(dir, { clusters });
  const { placements, problems } = placeSites(registry.sites, settings, dir);
  if (problems.length > 0) throw new RegistryError(problems);
  return placements;
}

/** Ghost keeps settings, routes, theme and URLs in each process's memory. */
function warnOfStaleness(placements: readonly Placement[]): void {
  for (const { site } of placements.filter(({ site: { scaling } }) => (scaling?.max ?? 1) > 1)) {
    pulumi.log.warn(
      `${site.slug}: with scaling.max ${site.scaling?.max} a change in Ghost Admin (settings, theme, routes, redirects) reaches one pod at once and the others when they restart`,
    );
  }
}

/**
 * One explicit provider for every object. `upsertExistingObjects` is what lets a volume that was kept be taken up again,
 * and an interrupted run be repeated: without it the provider refuses what exists (since pulumi-kubernetes 4.29).
 */
function createKubernetesProvider({ kubernetes: { context } }: StackSettings): k8s.Provider {
  return new k8s.Provider('kubernetes', {
    ...(context === undefined ? {} : { context }),
    enableServerSideApply: true,
    upsertExistingObjects: true,
    enablePatchForce: true,
  });
}

function siteArgs(
  { site, strategy, cluster, image, search: hasSearch }: Placement,
  { settings, secrets }: StackConfiguration,
  platform: PlatformAccess,
): CreatorSiteArgs {
  const search = hasSearch ? platform.search[searchInstanceOf(site.slug, settings.search?.instances ?? 1)] : undefined;
  return {
    site,
    strategy,
    image,
    cluster: cluster && platform.clusters[cluster.name],
    clusters: platform.clusters,
    baseDomain: settings.baseDomain,
    ingress: ingressOf(settings),
    owner: `${pulumi.getProject()}/${settings.platformStack}`,
    media: platform.media,
    redis: platform.redis,
    search,
    mail: mailOf(settings, secrets.mailPassword),
    monitoring: settings.monitoring,
    backups: settings.backups,
    dns: dnsOf(settings),
    platform: platform.platform,
    storageClass: settings.storageClass,
    scaleInSeconds: settings.autoscaling.scaleInSeconds,
  };
}

function describe(site: CreatorSite) {
  const { url, platformHost, database, namespace, secrets } = site;
  return { url, platformHost, database, namespace, secrets };
}

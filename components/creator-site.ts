import * as pulumi from '@pulumi/pulumi';
import type { DatabaseStrategy } from '../sites/naming.ts';
import { type Plan, plans } from '../sites/plans.ts';
import type { Site } from '../sites/schema.ts';
import { type Binding, createBindingSecret } from './binding.ts';
import type { IngressAccess } from './ingress.ts';
import type { PostgresAccess, Reachable } from './postgres-access.ts';
import type { RedisAccess } from './redis.ts';
import type { SearchInstance } from './search-service.ts';
import { SiteAlerts } from './site-alerts.ts';
import { SiteBackup } from './site-backup.ts';
import { SiteCache } from './site-cache.ts';
import { SiteDatabase } from './site-database.ts';
import { type DnsZone, SiteDns } from './site-dns.ts';
import { type MediaAccess, SiteMedia } from './site-media.ts';
import { SiteNamespace } from './site-namespace.ts';
import { SiteNetwork } from './site-network.ts';
import { bindPlatform, deriveSiteSecret, type PlatformServiceAccess } from './site-platform.ts';
import { contentPath } from './site-pod.ts';
import { SiteRegistration } from './site-registration.ts';
import { SiteRoute, siteUrl } from './site-route.ts';
import { SiteSearchIndex } from './site-search-index.ts';
import { probePort, SiteWorkload, serviceAccountName, sitePort } from './site-workload.ts';

export interface MailAccess {
  readonly host: string;
  readonly port: number;
  readonly user: string | undefined;
  readonly password: pulumi.Input<string> | undefined;
  /** Networks of a server that is not on the internet. */
  readonly cidrs: readonly string[] | undefined;
  /** Sender of sites that name none. */
  readonly from: string | undefined;
}

export interface MonitoringAccess {
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface CreatorSiteArgs {
  /** The site's YAML. */
  readonly site: Site;
  readonly strategy: DatabaseStrategy;
  /** Cluster of the site's data; required unless the strategy is `sqlite`. */
  readonly cluster?: PostgresAccess | undefined;
  /** Every cluster of the stack by name: where data of the site may lie already. */
  readonly clusters: Readonly<Record<string, PostgresAccess>>;
  readonly image: pulumi.Input<string>;
  /** `<slug>.<baseDomain>` always answers. */
  readonly baseDomain: string;
  readonly ingress: IngressAccess;
  /** Stack family that the site's data belongs to, such as `ghost-fleet/production`. */
  readonly owner: string;
  readonly media: MediaAccess;
  readonly redis?: RedisAccess | undefined;
  /** Instance of the site's index, where the site's plan has search. */
  readonly search?: (SearchInstance & { readonly adminUrl: string }) | undefined;
  readonly mail?: MailAccess | undefined;
  readonly monitoring?: MonitoringAccess | undefined;
  readonly backups: { readonly enabled: boolean; readonly target: string };
  readonly dns?: { readonly zones: readonly DnsZone[]; readonly target: pulumi.Input<string> } | undefined;
  readonly platform?: PlatformServiceAccess | undefined;
  readonly storageClass?: string | undefined;
  /** How long the site's load has to stay low before pods go, where it has several. */
  readonly scaleInSeconds: number;
}

/** A creator's site: everything that one YAML of the registry stands for. */
export class CreatorSite extends pulumi.ComponentResource {
  readonly url: string;
  /** `<slug>.<base domain>` */
  readonly platformHost: string;
  /** Where its data is, as ops would say it. */
  readonly database: pulumi.Output<string>;
  readonly namespace: pulumi.Output<string>;
  /** Where each secret of the site is: `Secret site-aurora-letters/ghost-database`. */
  readonly secrets: pulumi.Output<string[]>;

  constructor(args: CreatorSiteArgs, options?: pulumi.ComponentResourceOptions) {
    const { site, ingress } = args;
    const { slug } = site;
    super('ghost-fleet:components:CreatorSite', slug, {}, options);
    const parent = { parent: this };
    const plan: Plan = plans[site.plan];
    const scaling = site.scaling ?? plan.scaling;
    const backups = site.backups ?? plan.backups;
    const volumeGiB = needsVolume(args) ? (site.storage?.quotaGiB ?? plan.quotas.storageGiB) : undefined;
    this.url = siteUrl(site.domains[0] ?? '', ingress);
    this.platformHost = `${slug}.${args.baseDomain}`;

    const { namespace } = new SiteNamespace(
      slug,
      { slug, plan, maxReplicas: volumeGiB === undefined ? scaling.max : 1, volumeGiB },
      parent,
    );
    const database = new SiteDatabase(
      slug,
      {
        slug,
        namespace,
        plan,
        contentPath,
        strategy: args.strategy,
        cluster: args.cluster,
        clusters: args.clusters,
        owner: args.owner,
        readerPassword: args.platform && deriveSiteSecret(args.platform, 'reader-password', slug),
      },
      parent,
    );
    const cache = args.redis && new SiteCache(`${slug}-cache`, { slug, namespace, redis: args.redis }, parent);
    const search =
      args.search && new SiteSearchIndex(`${slug}-search`, { slug, namespace, instance: args.search }, parent);
    const media =
      args.media.kind === 'volume'
        ? undefined
        : new SiteMedia(
            `${slug}-media`,
            { slug, namespace, media: args.media, serviceAccount: serviceAccountName },
            parent,
          );
    const bindings = [
      bindSite(site, this.url, args.mail !== undefined),
      ...(args.backups.enabled ? [{ environment: { BACKUP_TARGET: args.backups.target } }] : []),
      database.binding,
      ...[cache, search, media].flatMap((part) => (part === undefined ? [] : [part.binding])),
      ...(args.mail === undefined ? [] : [bindMail(site, args.mail, namespace, this)]),
      ...(args.platform === undefined ? [] : [bindPlatform(slug, namespace, args.platform, this)]),
    ];
    new SiteNetwork(
      slug,
      {
        slug,
        namespace,
        controllerNamespace: ingress.controllerNamespace,
        monitoringNamespace: args.monitoring?.namespace,
        platformNamespace: args.platform?.namespace,
        port: sitePort,
        probePort,
        reachable: reachableFrom(args),
      },
      parent,
    );
    const workload = new SiteWorkload(
      slug,
      {
        slug,
        namespace,
        plan,
        scaling,
        volumeGiB,
        onSqlite: args.strategy === 'sqlite',
        bindings,
        image: args.image,
        state: site.state,
        storageClass: args.storageClass,
        scaleInSeconds: args.scaleInSeconds,
        serviceAccountAnnotations: media?.serviceAccountAnnotations ?? {},
      },
      parent,
    );
    const { serviceName, pod } = workload;
    new SiteRoute(
      slug,
      {
        slug,
        namespace,
        ingress,
        serviceName,
        servicePort: sitePort,
        domains: site.domains,
        platformHost: this.platformHost,
      },
      parent,
    );
    new SiteBackup(
      `${slug}-backup`,
      { slug, namespace, pod, image: args.image, besideSite: volumeGiB !== undefined, ...backups, ...args.backups },
      parent,
    );
    if (args.dns !== undefined) {
      new SiteDns(`${slug}-dns`, { ...args.dns, domains: site.domains, baseDomain: args.baseDomain }, parent);
    }
    if (args.monitoring !== undefined) {
      new SiteAlerts(
        `${slug}-alerts`,
        {
          slug,
          namespace,
          ruleLabels: args.monitoring.labels,
          hasVolume: volumeGiB !== undefined,
          // A day's schedule may slip by an hour or two; no schedule is rarer than the alert.
          backupMaxAgeHours: args.backups.enabled ? 26 : undefined,
        },
        parent,
      );
    }
    if (args.platform !== undefined) {
      new SiteRegistration(
        `${slug}-registration`,
        {
          site,
          url: this.url,
          strategy: args.strategy,
          clusterName: args.cluster?.name,
          stack: args.owner,
          platform: args.platform,
          workload,
        },
        parent,
      );
    }

    this.database = database.location;
    this.namespace = namespace;
    this.secrets = pulumi
      .all(bindings.flatMap(({ secret }) => (secret === undefined ? [] : [secret.name])))
      .apply((names) => names.map((secretName) => `Secret site-${slug}/${secretName}`));
    this.registerOutputs({ url: this.url, database: this.database, secrets: this.secrets });
  }
}

/** SQLite's file, and media where no bucket takes them: what has to outlive a pod and lies in files. */
function needsVolume({ strategy, media }: CreatorSiteArgs): boolean {
  return strategy === 'sqlite' || media.kind === 'volume';
}

function reachableFrom(args: CreatorSiteArgs): pulumi.Input<readonly Reachable[]>[] {
  const { cluster, strategy, redis, search, media, mail } = args;
  return [
    ...(strategy === 'sqlite' || cluster === undefined ? [] : [cluster.reachable]),
    ...(redis === undefined ? [] : [redis.reachable]),
    ...(search === undefined ? [] : [search.reachable]),
    ...(media.kind === 's3-compatible' ? [media.reachable] : []),
    ...(mail?.cidrs === undefined ? [] : [[{ cidrs: mail.cidrs, ports: [mail.port] }]]),
  ];
}

function bindSite(site: Site, url: string, sendsMail: boolean): Binding {
  return {
    environment: {
      SITE_URL: url,
      SITE_TITLE: site.title,
      // Ghost mails a code to whoever signs in from a new browser: where no mail is sent nobody could.
      ...(sendsMail ? {} : { security__staffDeviceVerification: 'false' }),
      ...(site.theme === undefined ? {} : { SITE_THEME: site.theme }),
    },
  };
}

function bindMail(site: Site, mail: MailAccess, namespace: pulumi.Input<string>, parent: pulumi.Resource): Binding {
  const from = site.mail?.from ?? mail.from;
  const environment = {
    MAIL_HOST: mail.host,
    MAIL_PORT: String(mail.port),
    ...(mail.user === undefined ? {} : { MAIL_USER: mail.user }),
    ...(from === undefined ? {} : { MAIL_FROM: from }),
  };
  if (mail.password === undefined) return { environment };
  const values = { MAIL_PASSWORD: mail.password };
  return { environment, secret: createBindingSecret('mail', site.slug, namespace, values, { parent }) };
}

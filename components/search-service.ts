import { createHash } from 'node:crypto';
import * as k8s from '@pulumi/kubernetes';
import * as pulumi from '@pulumi/pulumi';
import { platformLabels } from './labels.ts';
import { createPassword } from './password.ts';
import { restrictedContainer, restrictedPod } from './pod-security.ts';
import type { Reachable } from './postgres-access.ts';
import { volumeClaimSpec } from './volume-claim.ts';

/** One Meilisearch, which holds the indexes of some sites. */
export interface SearchInstance {
  readonly url: pulumi.Input<string>;
  readonly masterKey: pulumi.Input<string>;
  readonly reachable: pulumi.Input<readonly Reachable[]>;
}

export interface SearchServiceArgs {
  readonly namespace: pulumi.Input<string>;
  readonly namespaceName: string;
  readonly image: string;
  readonly instances: number;
  readonly memoryMiB: number;
  readonly storageGiB: number;
  readonly storageClass: string | undefined;
}

const port = 7700;

/**
 * Meilisearch, in as many instances as the sites need: one keeps about 20 indexes open and thrashes with more
 * (meilisearch/meilisearch#6241). What an instance holds can be made anew from the sites' posts.
 */
export class SearchService extends pulumi.ComponentResource {
  readonly instances: readonly SearchInstance[];

  constructor(name: string, args: SearchServiceArgs, options?: pulumi.ComponentResourceOptions) {
    super('ghost-fleet:components:SearchService', name, {}, options);
    this.instances = Array.from({ length: args.instances }, (_, index) => this.#createInstance(name, index, args));
    this.registerOutputs({ urls: this.instances.map((instance) => instance.url) });
  }

  #createInstance(name: string, index: number, args: SearchServiceArgs): SearchInstance {
    const part = `search-${index}`;
    const labels = platformLabels(part);
    const metadata = { name: part, namespace: args.namespace, labels };
    const masterKey = createPassword(`${name}-${index}-master-key`, this);
    const secret = new k8s.core.v1.Secret(
      `${name}-${index}-secret`,
      { metadata, stringData: pulumi.secret({ 'config.toml': pulumi.interpolate`master_key = "${masterKey}"\n` }) },
      { parent: this },
    );
    const service = new k8s.core.v1.Service(
      `${name}-${index}-service`,
      { metadata, spec: { selector: labels, ports: [{ name: 'http', port, targetPort: 'http' }] } },
      { parent: this },
    );
    new k8s.apps.v1.StatefulSet(
      `${name}-${index}-server`,
      {
        metadata,
        spec: {
          serviceName: part,
          replicas: 1,
          selector: { matchLabels: labels },
          template: { metadata: { labels }, spec: searchPod(args, secret.metadata.name) },
          volumeClaimTemplates: [
            { metadata: { name: 'data', labels }, spec: volumeClaimSpec(args.storageGiB, args.storageClass) },
          ],
        },
      },
      { parent: this },
    );
    return {
      url: pulumi.interpolate`http://${service.metadata.name}.${args.namespace}.svc.cluster.local:${port}`,
      masterKey,
      reachable: [{ pods: { namespace: args.namespaceName, labels }, ports: [port] }],
    };
  }
}

/**
 * Which instance a site's index lies on, by rendezvous hashing: one more instance takes its share of the sites from the
 * others and moves nobody else.
 */
export function searchInstanceOf(slug: string, instances: number): number {
  const weights = Array.from({ length: instances }, (_, index) =>
    createHash('sha256').update(`${slug} ${index}`).digest('hex'),
  );
  return weights.indexOf([...weights].sort().at(-1) ?? '');
}

function searchPod(args: SearchServiceArgs, secretName: pulumi.Input<string>) {
  const memory = `${args.memoryMiB}Mi`;
  const config = '/etc/meilisearch/config.toml';
  return {
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    securityContext: restrictedPod(),
    containers: [
      {
        name: 'meilisearch',
        image: args.image,
        // The key is in the file: an argument or a variable would show it to whoever lists processes or pods.
        args: ['/bin/meilisearch', '--config-file-path', config],
        env: [
          { name: 'MEILI_ENV', value: 'production' },
          { name: 'MEILI_NO_ANALYTICS', value: 'true' },
          { name: 'MEILI_HTTP_ADDR', value: `0.0.0.0:${port}` },
          { name: 'MEILI_DB_PATH', value: '/data/meilisearch' },
          { name: 'MEILI_DUMP_DIR', value: '/data/dumps' },
          { name: 'MEILI_MAX_INDEXING_MEMORY', value: `${Math.floor(args.memoryMiB / 2)}MiB` },
        ],
        ports: [{ name: 'http', containerPort: port }],
        securityContext: restrictedContainer,
        resources: { requests: { cpu: '100m', memory }, limits: { cpu: '2', memory } },
        readinessProbe: { httpGet: { path: '/health', port: 'http' }, periodSeconds: 5 },
        livenessProbe: { httpGet: { path: '/health', port: 'http' }, periodSeconds: 10, failureThreshold: 6 },
        volumeMounts: [
          { name: 'data', mountPath: '/data' },
          { name: 'config', mountPath: '/etc/meilisearch', readOnly: true },
          { name: 'tmp', mountPath: '/tmp' },
        ],
      },
    ],
    volumes: [
      { name: 'config', secret: { secretName } },
      { name: 'tmp', emptyDir: { sizeLimit: '1Gi' } },
    ],
  };
}

import { namesOf } from '../../../sites/naming.ts';
import type { KubernetesApi } from '../providers/kubernetes/api.ts';

/** Data of a Secret, as text. */
export async function readSecret(
  api: KubernetesApi,
  namespace: string,
  name: string,
): Promise<Readonly<Record<string, string>>> {
  const secret = await api.send('GET', `/api/v1/namespaces/${namespace}/secrets/${name}`);
  const data = (secret.data ?? {}) as Record<string, string>;
  return Object.fromEntries(
    Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString('utf8')]),
  );
}

/** Variables that a stack gives a site's container, secrets as values instead of files; undefined without a Deployment. */
export async function containerEnvironment(
  api: KubernetesApi,
  slug: string,
): Promise<Record<string, string> | undefined> {
  const { namespace } = namesOf(slug);
  const isDeployed = await api.send('GET', `/apis/apps/v1/namespaces/${namespace}/deployments/ghost`).then(
    () => true,
    () => false,
  );
  if (!isDeployed) return undefined;
  const core = `/api/v1/namespaces/${namespace}`;
  const { data } = (await api.send('GET', `${core}/configmaps/ghost-config`)) as { data: Record<string, string> };
  const { items } = (await api.send('GET', `${core}/secrets`)) as { items: { metadata: { name: string } }[] };
  const secrets = await Promise.all(items.map(({ metadata }) => readSecret(api, namespace, metadata.name)));
  const values: Readonly<Record<string, string>> = Object.assign({}, ...secrets);
  return Object.fromEntries(
    Object.entries(data).map(([name, text]) => {
      const variable = name.replace(/_FILE$/, '');
      const value = variable === name ? undefined : values[variable];
      return value === undefined ? [name, text] : [variable, value];
    }),
  );
}

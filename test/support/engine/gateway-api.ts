import type { KubernetesApi } from '../providers/kubernetes/api.ts';

type Schema = Readonly<Record<string, unknown>>;

const text: Schema = { type: 'string' };
const number: Schema = { type: 'integer' };
const list = (items: Schema): Schema => ({ type: 'array', items });
const mapping = (properties: Readonly<Record<string, Schema>>): Schema => ({ type: 'object', properties });

const definitions = {
  Gateway: mapping({
    gatewayClassName: text,
    listeners: list(
      mapping({
        name: text,
        protocol: text,
        port: number,
        hostname: text,
        tls: mapping({ mode: text, certificateRefs: list(mapping({ name: text })) }),
        allowedRoutes: mapping({
          namespaces: mapping({
            from: text,
            selector: mapping({ matchLabels: { type: 'object', additionalProperties: text } }),
          }),
        }),
      }),
    ),
  }),
  HTTPRoute: mapping({
    parentRefs: list(mapping({ name: text, namespace: text, sectionName: text })),
    hostnames: list(text),
    rules: list(
      mapping({
        matches: list(mapping({ path: mapping({ type: text, value: text }) })),
        filters: list(
          mapping({
            type: text,
            requestRedirect: mapping({ scheme: text, hostname: text, port: number, statusCode: number }),
          }),
        ),
        backendRefs: list(mapping({ name: text, port: number })),
      }),
    ),
  }),
};

/**
 * Teaches an API server the kinds of the Gateway API, as far as stacks use them: what is written here is the test bed's
 * own and small; a cluster gets the official definitions (https://gateway-api.sigs.k8s.io). A field that is not here is an
 * error, since the providers validate strictly.
 */
export async function installGatewayApi(api: KubernetesApi): Promise<void> {
  const group = 'gateway.networking.k8s.io';
  const definition = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
  for (const [kind, spec] of Object.entries(definitions)) {
    const singular = kind.toLowerCase();
    const plural = `${singular}s`;
    const name = `${plural}.${group}`;
    await api.send('POST', definition, {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      // The server refuses the group to whoever cannot say where it was approved.
      metadata: { name, annotations: { 'api-approved.kubernetes.io': 'unapproved, for tests' } },
      spec: {
        group,
        scope: 'Namespaced',
        names: { kind, plural, singular, listKind: `${kind}List` },
        versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: mapping({ spec }) } }],
      },
    });
  }
  for (const deadline = Date.now() + 30_000; ; ) {
    const served = await api.send('GET', `/apis/${group}/v1`).catch(() => undefined);
    const kinds = (served?.resources ?? []) as readonly { readonly kind: string }[];
    if (Object.keys(definitions).every((kind) => kinds.some((resource) => resource.kind === kind))) return;
    if (Date.now() > deadline) throw new Error(`${group}: expected its kinds to be served after 30 s; they are not`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

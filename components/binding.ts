import * as k8s from '@pulumi/kubernetes';
import * as pulumi from '@pulumi/pulumi';
import { siteLabels } from './labels.ts';

/** Where a site's secrets are mounted, a file a variable; the site reads them as `<VARIABLE>_FILE`. */
export const secretsPath = '/run/secrets/ghost';

/** What a part of a site tells the site's container. */
export interface Binding {
  /** Variables in plain. */
  readonly environment: Readonly<Record<string, pulumi.Input<string>>>;
  /** Variables that are files of a Secret. */
  readonly secret?: BindingSecret | undefined;
}

export interface BindingSecret {
  /** Name of the Secret in the site's namespace. */
  readonly name: pulumi.Output<string>;
  readonly variables: readonly string[];
  /** Changes when a value changes; secret itself. */
  readonly fingerprint: pulumi.Output<string>;
}

/**
 * Makes the Secret of a binding.
 *
 * @param part names the Secret: `database` makes `ghost-database`
 * @param values by variable; all of them become secret, whatever they were
 */
export function createBindingSecret(
  part: string,
  slug: string,
  namespace: pulumi.Input<string>,
  values: Readonly<Record<string, pulumi.Input<string>>>,
  options: pulumi.CustomResourceOptions,
): BindingSecret {
  const stringData = pulumi.secret(values);
  const secret = new k8s.core.v1.Secret(
    `${slug}-${part}`,
    { metadata: { name: `ghost-${part}`, namespace, labels: siteLabels(slug) }, type: 'Opaque', stringData },
    options,
  );
  return {
    name: secret.metadata.name,
    variables: Object.keys(values).sort(),
    fingerprint: pulumi.secret(pulumi.jsonStringify(stringData)),
  };
}

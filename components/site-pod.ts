import type * as k8s from '@pulumi/kubernetes';
import type * as pulumi from '@pulumi/pulumi';
import { type Binding, secretsPath } from './binding.ts';

/** Where Ghost's content lies in the container. */
export const contentPath = '/var/lib/ghost/content';

/** What a pod of the site mounts and is told. */
export interface SitePod {
  readonly serviceAccountName: pulumi.Input<string>;
  readonly envFrom: k8s.types.input.core.v1.EnvFromSource[];
  readonly volumeMounts: k8s.types.input.core.v1.VolumeMount[];
  readonly volumes: k8s.types.input.core.v1.Volume[];
}

/** @param claimName of the volume with the site's files; without one they last as long as the pod */
export function describePod(
  bindings: readonly Binding[],
  configName: pulumi.Input<string>,
  accountName: pulumi.Input<string>,
  claimName: pulumi.Input<string> | undefined,
): SitePod {
  const secrets = bindings.flatMap(({ secret }) => (secret === undefined ? [] : [secret]));
  const content =
    claimName === undefined
      ? { name: 'content', emptyDir: { sizeLimit: '1Gi' } }
      : { name: 'content', persistentVolumeClaim: { claimName } };
  const projected = {
    name: 'secrets',
    projected: {
      defaultMode: 0o440,
      sources: secrets.map(({ name, variables }) => ({
        secret: { name, items: variables.map((variable) => ({ key: variable, path: variable })) },
      })),
    },
  };
  return {
    serviceAccountName: accountName,
    envFrom: [{ configMapRef: { name: configName } }],
    volumes: [content, { name: 'tmp', emptyDir: { sizeLimit: '512Mi' } }, ...(secrets.length === 0 ? [] : [projected])],
    volumeMounts: [
      { name: 'content', mountPath: contentPath },
      { name: 'tmp', mountPath: '/tmp' },
      ...(secrets.length === 0 ? [] : [{ name: 'secrets', mountPath: secretsPath, readOnly: true }]),
    ],
  };
}

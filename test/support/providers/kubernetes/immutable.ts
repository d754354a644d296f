import { type Properties, valueAt } from '../properties.ts';

/** Fields that the API server refuses to change, by kind; a field stands for everything below it. */
const immutableFields: Readonly<Record<string, readonly string[]>> = {
  ClusterRoleBinding: ['roleRef'],
  DaemonSet: ['spec.selector'],
  Deployment: ['spec.selector'],
  Job: ['spec.selector', 'spec.template', 'spec.completionMode'],
  PersistentVolume: ['spec.persistentVolumeSource'],
  PersistentVolumeClaim: [
    'spec.accessModes',
    'spec.selector',
    'spec.storageClassName',
    'spec.volumeMode',
    'spec.volumeName',
  ],
  RoleBinding: ['roleRef'],
  Service: ['spec.clusterIP'],
  StatefulSet: ['spec.selector', 'spec.serviceName', 'spec.podManagementPolicy', 'spec.volumeClaimTemplates'],
  StorageClass: ['provisioner', 'parameters', 'reclaimPolicy', 'volumeBindingMode'],
};

/** What makes an object another one, whatever its kind. */
const identity = ['apiVersion', 'kind', 'metadata.name', 'metadata.namespace'];

/** Those of the changed paths that only a new object can have. */
export function replacingPaths(object: Properties, changed: readonly string[]): string[] {
  const fixed = [...identity, ...(immutableFields[String(object.kind)] ?? [])];
  if (object.immutable === true) fixed.push('data', 'stringData', 'binaryData', 'immutable');
  return changed.filter((path) => fixed.some((field) => path === field || path.startsWith(`${field}.`)));
}

/** Whether the new object takes the name of the old one, which must be gone first. */
export function keepsName(before: Properties, after: Properties): boolean {
  return ['metadata.name', 'metadata.namespace', 'kind'].every(
    (path) => valueAt(before, path) === valueAt(after, path),
  );
}

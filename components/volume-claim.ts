import type * as k8s from '@pulumi/kubernetes';

/**
 * What a PersistentVolumeClaim asks for: a volume that pods of one node mount at a time.
 *
 * @param storageClass the cluster's default class, where it is undefined
 */
export function volumeClaimSpec(storageGiB: number, storageClass: string | undefined) {
  return {
    accessModes: ['ReadWriteOnce'],
    resources: { requests: { storage: `${storageGiB}Gi` } },
    ...(storageClass === undefined ? {} : { storageClassName: storageClass }),
  } satisfies k8s.types.input.core.v1.PersistentVolumeClaimSpec;
}

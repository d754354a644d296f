/** The user of this project's images: nobody's login, no rights on the node. */
const user = 1000;

/**
 * A pod that satisfies Kubernetes' `restricted` profile. `uid` is for images of others that insist on theirs.
 *
 * @default uid 1000
 */
export function restrictedPod(uid: number = user) {
  return {
    runAsNonRoot: true,
    runAsUser: uid,
    runAsGroup: uid,
    fsGroup: uid,
    // Only where the root of the volume differs: walking a large volume delays each start by minutes.
    fsGroupChangePolicy: 'OnRootMismatch',
    seccompProfile: { type: 'RuntimeDefault' },
  };
}

/** A container that writes to its mounted volumes only and can gain nothing. */
export const restrictedContainer = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ['ALL'] },
};

/** Labels with which Kubernetes refuses any pod in a namespace that is not restricted. */
export const restrictedNamespace = {
  'pod-security.kubernetes.io/enforce': 'restricted',
  'pod-security.kubernetes.io/warn': 'restricted',
} as const;

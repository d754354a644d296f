import type { Rule, Subject } from './subject.ts';

interface Container {
  readonly name: string;
  readonly image: string;
  readonly args?: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value?: string; readonly valueFrom?: unknown }[];
  readonly envFrom?: readonly { readonly secretRef?: unknown }[];
  readonly resources?: {
    readonly requests?: Record<string, string>;
    readonly limits?: Record<string, string>;
  };
  readonly securityContext?: {
    readonly allowPrivilegeEscalation?: boolean;
    readonly privileged?: boolean;
    readonly readOnlyRootFilesystem?: boolean;
    readonly capabilities?: { readonly drop?: readonly string[]; readonly add?: readonly string[] };
  };
}

export interface PodSpec {
  readonly automountServiceAccountToken?: boolean;
  readonly hostNetwork?: boolean;
  readonly hostPID?: boolean;
  readonly securityContext?: { readonly runAsNonRoot?: boolean; readonly seccompProfile?: { readonly type?: string } };
  readonly containers: readonly Container[];
  readonly initContainers?: readonly Container[];
  readonly volumes?: readonly { readonly name: string; readonly hostPath?: unknown }[];
}

/** The pod that a workload makes, undefined for what makes none. */
export function podOf(resource: Subject): PodSpec | undefined {
  const spec = resource.inputs.spec as Record<string, unknown> | undefined;
  const job = spec?.jobTemplate as { spec: unknown } | undefined;
  return ((job?.spec ?? spec) as { template?: { spec: PodSpec } } | undefined)?.template?.spec;
}

export function containersOf(pod: PodSpec): readonly Container[] {
  return [...pod.containers, ...(pod.initContainers ?? [])];
}

/** Kubernetes' `restricted` profile, and what it does not ask for: no token, a root that cannot be written. */
export const podsAreRestricted: Rule = (resource) => {
  const pod = podOf(resource);
  if (pod === undefined) return [];
  const wrong = (holds: boolean, what: string) => (holds ? [] : [`${resource.name}: ${what}`]);
  return [
    ...wrong(pod.automountServiceAccountToken === false, 'mounts a token of the Kubernetes API'),
    ...wrong(pod.hostNetwork !== true && pod.hostPID !== true, "shares the node's namespaces"),
    ...wrong(pod.securityContext?.runAsNonRoot === true, 'may run as root'),
    ...wrong(pod.securityContext?.seccompProfile?.type === 'RuntimeDefault', 'has no seccomp profile'),
    ...wrong(!(pod.volumes ?? []).some((volume) => volume.hostPath !== undefined), 'mounts a folder of the node'),
    ...containersOf(pod).flatMap(({ name, securityContext: context }) => [
      ...wrong(context?.allowPrivilegeEscalation === false, `${name} may gain privileges`),
      ...wrong(context?.privileged !== true, `${name} is privileged`),
      ...wrong(context?.readOnlyRootFilesystem === true, `${name} writes to its root`),
      ...wrong(context?.capabilities?.drop?.includes('ALL') === true, `${name} keeps capabilities`),
      ...wrong((context?.capabilities?.add ?? []).length === 0, `${name} adds capabilities`),
    ]),
  ];
};

/** Nobody takes more of a node than is planned. */
export const containersAreLimited: Rule = (resource) => {
  const pod = podOf(resource);
  if (pod === undefined) return [];
  return containersOf(pod).flatMap(({ name, resources }) =>
    (['requests', 'limits'] as const).flatMap((kind) =>
      ['cpu', 'memory']
        .filter((unit) => resources?.[kind]?.[unit] === undefined)
        .map((unit) => `${resource.name}: ${name} has no ${kind} of ${unit}`),
    ),
  );
};

/** A secret in a variable is in every child process, crash report and `kubectl describe`. */
export const secretsAreFiles: Rule = (resource) => {
  const pod = podOf(resource);
  if (pod === undefined) return [];
  return containersOf(pod).flatMap(({ name, env = [], envFrom = [] }) => [
    ...env
      .filter((variable) => variable.valueFrom !== undefined || looksSecret(variable.name))
      .map((variable) => `${resource.name}: ${name} is given ${variable.name} as a variable`),
    ...envFrom
      .filter((source) => source.secretRef !== undefined)
      .map(() => `${resource.name}: ${name} is given a Secret as variables`),
  ]);
};

function looksSecret(variable: string): boolean {
  return /(PASSWORD|SECRET|TOKEN|KEY)$/.test(variable) || variable === 'REDIS_URL';
}

/** A tag may mean another image tomorrow. */
export const imagesArePinned: Rule = (resource) => {
  const pod = podOf(resource);
  if (pod === undefined) return [];
  return containersOf(pod)
    .filter(({ image }) => !/@sha256:[0-9a-f]{64}$/.test(image))
    .map(({ name, image }) => `${resource.name}: ${name} runs ${image}, which is not pinned by digest`);
};

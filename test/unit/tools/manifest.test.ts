import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type GoBuild, manifest, type Provider, type Tool } from '../../../scripts/tools/manifest.ts';

const packages = JSON.parse(readFileSync('package.json', 'utf8')) as { dependencies: Record<string, string> };
const tools: readonly Tool[] = Object.values(manifest.tools);
const providers: readonly Provider[] = manifest.providers;
const builds: readonly GoBuild[] = [
  ...tools.flatMap((tool) => tool.builds),
  ...providers.flatMap((it) => it.build ?? []),
];

describe('the manifest of the tools', () => {
  it('pins the versions of the SDKs in package.json', () => {
    expect(manifest.tools.pulumi.version).toBe(packages.dependencies['@pulumi/pulumi']);
    for (const provider of providers) {
      expect(`${provider.name} ${provider.version}`).toBe(
        `${provider.name} ${packages.dependencies[`@pulumi/${provider.name}`]}`,
      );
    }
  });

  it('has a provider for every SDK that the project depends on', () => {
    const named = Object.keys(packages.dependencies).filter((name) => /^@pulumi\/(?!pulumi$|policy$)/.test(name));
    expect(providers.map((provider) => `@pulumi/${provider.name}`).sort()).toEqual(named.sort());
  });

  it('builds what the go.mod of each module pins, with checksums for it', () => {
    const pinned: [module: string, line: string][] = [
      ['scripts/tools/go/pulumi', `github.com/pulumi/pulumi/pkg/v3 v${manifest.tools.pulumi.version}`],
      ['test/support/language-host', `github.com/pulumi/pulumi/sdk/v3 v${manifest.tools.pulumi.version}`],
      ['scripts/tools/go/etcd', `go.etcd.io/etcd/server/v3 v${manifest.tools.etcd.version}`],
      ['scripts/tools/go/kubernetes', `k8s.io/kubernetes v${manifest.tools['kube-apiserver'].version}`],
      ['scripts/tools/go/versitygw', `github.com/versity/versitygw v${manifest.tools.versitygw.version}`],
      ['scripts/tools/go/stripe-mock', `github.com/stripe/stripe-mock v${manifest.tools['stripe-mock'].version}`],
      ['scripts/tools/go/addons', `github.com/coredns/coredns v${manifest.tools.coredns.version}`],
      ['scripts/tools/go/kind', `sigs.k8s.io/kind v${manifest.tools.kind.version}`],
      ['scripts/tools/go/cloudnative-pg', `cloudnative-pg v${manifest.tools['cloudnative-pg'].version}`],
      ['scripts/tools/go/kwok', `sigs.k8s.io/kwok v${manifest.tools.kwok.version}`],
      ['scripts/tools/go/providers', 'github.com/pulumi/pulumi-terraform-bridge/v3 v'],
    ];
    expect(new Set(pinned.map(([module]) => module))).toEqual(new Set(builds.map((build) => build.module)));
    for (const [module, line] of pinned) {
      expect(readFileSync(`${module}/go.mod`, 'utf8')).toContain(line);
      expect(readFileSync(`${module}/go.sum`, 'utf8')).toContain(` h1:`);
    }
  });

  it('pins in go.mod whatever else a cluster is made of', () => {
    const addons = readFileSync('scripts/tools/go/addons/go.mod', 'utf8');
    expect(addons).toContain(`sigs.k8s.io/metrics-server v${manifest.tools['metrics-server'].version}`);
    expect(addons).toContain(
      `github.com/rancher/local-path-provisioner v${manifest.tools['local-path-provisioner'].version}`,
    );
    for (const { module, path, version, url } of [manifest.gatewayApi, manifest.cloudNativeObjects]) {
      expect(readFileSync(`${module}/go.mod`, 'utf8')).toContain(`${path} v${version}`);
      expect(readFileSync(`${module}/go.sum`, 'utf8')).toContain(`${path} v${version} h1:`);
      expect(url).toContain(`v${version}/`);
    }
  });

  it('names the programs that it builds', () => {
    for (const tool of tools.filter(({ builds }) => builds.length > 0)) {
      expect(tool.builds.map(({ program }) => program)).toEqual(tool.programs);
    }
  });

  it('needs no newer Go than it says', () => {
    for (const { module } of builds) {
      const version = /^go (\S+)$/m.exec(readFileSync(`${module}/go.mod`, 'utf8'))?.[1] ?? '';
      expect(version.localeCompare(manifest.go, 'en', { numeric: true })).toBeLessThanOrEqual(0);
    }
  });

  it('takes from PATH what serves as well as the pinned version, and nothing else', () => {
    const { pulumi, kubectl, etcd } = manifest.tools;
    expect([
      pulumi.fits([3, 259, 0]),
      pulumi.fits([3, 300, 1]),
      pulumi.fits([3, 258, 0]),
      pulumi.fits([4, 0, 0]),
    ]).toEqual([true, true, false, false]);
    expect([kubectl.fits([1, 33, 0]), kubectl.fits([1, 35, 9]), kubectl.fits([1, 32, 4])]).toEqual([true, true, false]);
    expect([etcd.fits([3, 6, 5]), etcd.fits([3, 4, 23])]).toEqual([true, false]);
  });
});

import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { installTools } from '../../scripts/tools/install.ts';
import { manifest } from '../../scripts/tools/manifest.ts';

/** What a provider behind Pulumi's bridge says of itself, as far as it is compared here. */
interface ProviderInfo {
  readonly resources: Readonly<Record<string, { readonly tok: string }>>;
  readonly provider: { readonly resources: Readonly<Record<string, Readonly<Record<string, unknown>>>> };
}

let plugins: string;
beforeAll(async () => {
  ({ plugins } = await installTools({ root: path.resolve('.'), sets: ['engine'] }));
});

/** Terraform's `max_upper_case` as Pulumi's `maxUpperCase`. */
const camelCase = (name: string) => name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());

/** The bridge says lists in the plural. */
const plural = (name: string) => `${name.replace(/y$/, 'ie')}s`;

/** Token and properties of every resource class in an SDK, without those that have a successor. */
function readSdk(name: string): Map<string, Set<string>> {
  const dir = path.join('node_modules', '@pulumi', name);
  const classes = new Map<string, Set<string>>();
  for (const file of readdirSync(dir).filter((entry) => entry.endsWith('.js'))) {
    const text = readFileSync(path.join(dir, file), 'utf8');
    const token = /__pulumiType = '([^']+:[^']+)'/.exec(text)?.[1];
    if (token === undefined || token.startsWith('pulumi:') || text.includes('pulumi.log.warn(')) continue;
    const properties = [...text.matchAll(/resourceInputs\["(\w+)"\]/g)].map((match) => match[1] ?? '');
    classes.set(token, new Set(properties));
  }
  return classes;
}

describe.each(['random', 'postgresql'])('the provider %s', (name) => {
  const version = manifest.providers.find((provider) => provider.name === name)?.version ?? '';
  const ask = (flag: string) =>
    execFileSync(path.join(plugins, `resource-${name}-v${version}`, `pulumi-resource-${name}`), [flag], {
      encoding: 'utf8',
      maxBuffer: 64 << 20,
    });

  it('is of the version of its SDK', () => {
    expect(ask('-version').trim()).toBe(version);
  });

  it('serves every resource of its SDK, with the same properties', () => {
    const info = JSON.parse(ask('-get-provider-info')) as ProviderInfo;
    const served = new Map(
      Object.entries(info.resources).map(([terraformName, { tok }]) => [
        tok,
        // Pulumi keeps Terraform's id beside the properties.
        Object.keys(info.provider.resources[terraformName] ?? {})
          .filter((property) => property !== 'id')
          .map(camelCase),
      ]),
    );
    const sdk = readSdk(name);
    expect(sdk.size).toBeGreaterThan(8);
    for (const [token, properties] of sdk) {
      const names = served.get(token);
      const missing = names?.filter((property) => !properties.has(property) && !properties.has(plural(property)));
      expect([token, missing, names?.length]).toEqual([token, [], properties.size]);
    }
  });
});

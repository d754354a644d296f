import { readdirSync, readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { type AwsInput, checkAwsInputs } from './aws-inputs.ts';
import { planStack } from './plan.ts';

/** A stack with every resource of AWS that the components know. */
const production = { secrets: { mailPassword: 'correct-horse-mail' } };

const inputs: AwsInput[] = [];
beforeAll(async () => {
  const { resources, calls } = await planStack('production', production);
  const made = resources.map(({ type, name, inputs: given }) => ({ token: type, name, inputs: given }));
  const asked = calls.map(({ token, inputs: given }) => ({ token, name: 'a call', inputs: given }));
  inputs.push(...[...made, ...asked].filter(({ token }) => token.startsWith('aws:')));
}, 120_000);

/** Types of AWS that the components make, by their sources. */
function componentTokens(): string[] {
  const sources = readdirSync('components').filter((file) => file.endsWith('.ts'));
  return sources.flatMap((file) => {
    const text = readFileSync(`components/${file}`, 'utf8');
    const modules = [...text.matchAll(/from '\.\/aws\/(\w+)\.ts'/g)].map((match) => match[1]);
    return [...text.matchAll(/new (\w+)\.([A-Z]\w+)\(/g)]
      .filter(([, module]) => modules.includes(module))
      .map(([, module, type = '']) => `aws:${module}/${type[0]?.toLowerCase()}${type.slice(1)}:${type}`);
  });
}

/** The first input of a type, changed. */
function changed(token: string, change: (inputs: Record<string, unknown>) => void): AwsInput {
  const found = inputs.find((input) => input.token === token);
  if (found === undefined) throw new Error(`expected an input of ${token}`);
  const copy = structuredClone(found) as { token: string; name: string; inputs: Record<string, unknown> };
  change(copy.inputs);
  return copy;
}

describe('what production hands to AWS', () => {
  it('fits the types that the provider publishes, value by value', async () => {
    const tokens = new Set(inputs.map(({ token }) => token));
    expect(tokens.size).toBeGreaterThan(15);
    expect(componentTokens().length).toBeGreaterThan(15);
    expect(componentTokens().filter((token) => !tokens.has(token))).toEqual([]);
    expect(await checkAwsInputs(inputs)).toEqual([]);
  });

  it('is found out where it does not, all problems at once', async () => {
    const instance = 'aws:rds/instance:Instance';
    const distribution = 'aws:cloudfront/distribution:Distribution';
    const problems = await checkAwsInputs([
      changed(instance, (given) => Object.assign(given, { multiAZ: true })),
      changed(instance, (given) => Object.assign(given, { backupRetentionPeriod: '35' })),
      changed(instance, (given) => void delete given.instanceClass),
      changed(distribution, (given) =>
        Object.assign(given.defaultCacheBehavior as object, { viewerPolicy: 'allow-all' }),
      ),
      changed(
        distribution,
        (given) => void delete (given.defaultCacheBehavior as Record<string, unknown>).targetOriginId,
      ),
      changed('aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock', (given) =>
        Object.assign(given, { blockPublicAcls: 'yes' }),
      ),
      { token: 'aws:rds/instanse:Instanse', name: 'misspelt', inputs: {} },
    ]);
    expect(problems).toEqual([
      'aws:rds/instanse:Instanse misspelt: the SDK has no such type',
      expect.stringMatching(/^aws:rds\/instance:Instance .*"multiAZ"' does not exist in type 'InstanceArgs'/),
      expect.stringMatching(/^aws:rds\/instance:Instance .*Type 'string' is not assignable to type 'Input<number/),
      expect.stringMatching(/^aws:rds\/instance:Instance .*Property 'instanceClass' is missing/),
      expect.stringMatching(/^aws:cloudfront\/distribution:Distribution .*"viewerPolicy"' does not exist/),
      expect.stringMatching(/^aws:cloudfront\/distribution:Distribution .*Property 'targetOriginId' is missing/),
      expect.stringMatching(
        /^aws:s3\/bucketPublicAccessBlock:BucketPublicAccessBlock .*Type 'string' is not assignable/,
      ),
    ]);
  });
});

import { describe, expect, it } from 'vitest';
import { judge, judgeStack, subjectOf } from '../../stacks/policy/judge.ts';
import { rulesOf, stackRules } from '../../stacks/policy/rules.ts';

const secret = (value: unknown) => ({
  '4dabf18193072939515e22adb298388d': '1b47061264138c4ac30d75fd1eb44270',
  value,
});
const unknown = '04da6b54-80e4-46f7-96ec-b56ff0331ba9';

/** Everything that the rules say of a resource as the engine describes it. */
function judged(type: string, properties: object, protect = false): string[] {
  const subject = subjectOf({ type, name: 'it', properties, protect });
  return Object.values(rulesOf('dev')).flatMap((rule) => judge(rule, subject));
}

describe('a resource as the engine describes it', () => {
  it('is judged by its values, those that are secret included', () => {
    const type = 'kubernetes:core/v1:Secret';
    const metadata = { name: 'ghost-database' };
    expect(judged(type, { metadata, stringData: secret({ password: 'p' }) })).toEqual([]);
    expect(judged(type, { metadata, stringData: { password: secret('p') } })).toEqual(['it: stringData is not secret']);
    expect(judged(type, secret({ metadata: { name: 'Not_A_Label' } }))).toEqual(["it: the object's name Not_A_Label"]);
  });

  it('is judged by no value that is not known yet, and by every rule that needs none', () => {
    const type = 'kubernetes:core/v1:Secret';
    expect(judged(type, { metadata: { name: 'ghost-database' }, stringData: unknown })).toEqual([]);
    expect(judged(type, { metadata: { name: 'a'.repeat(64) }, stringData: unknown })).toEqual([
      `it: the object's name ${'a'.repeat(64)}`,
    ]);
    expect(judged('kubernetes:core/v1:Service', { metadata: { name: 'web' }, spec: { type: unknown } })).toEqual([]);
    expect(
      judged('kubernetes:apps/v1:Deployment', { spec: { template: { spec: { containers: [unknown] } } } }),
    ).toEqual([]);
  });

  it('is not judged by what the engine keeps to itself: whether it is retained', () => {
    expect(judged('kubernetes:core/v1:PersistentVolumeClaim', { metadata: { name: 'content' } })).toEqual([]);
    expect(judged('kubernetes:core/v1:PersistentVolumeClaim', { metadata: { name: 'content' } }, true)).toEqual([
      'it: is protected, so that no site could be removed',
    ]);
  });

  it('lets an error of a rule through', () => {
    const broken = () => {
      throw new TypeError('a bug');
    };
    expect(() => judge(broken, subjectOf({ type: 't', name: 'it', properties: {}, protect: false }))).toThrow('a bug');
  });

  it('waits with the stack while one of its hosts is not known', () => {
    const route = (namespace: string, hostnames: unknown) =>
      subjectOf({
        type: 'kubernetes:gateway.networking.k8s.io/v1:HTTPRoute',
        name: 'it',
        properties: { metadata: { namespace }, spec: { hostnames } },
        protect: false,
      });
    const rule = stackRules['hosts lead to one site'] ?? (() => ['no such rule']);
    const [mine, theirs] = [route('site-a', ['a.example']), route('site-b', ['a.example'])];
    expect(judgeStack(rule, [mine, theirs])).toEqual(['a.example: leads to site-a and site-b']);
    expect(judgeStack(rule, [mine, route('site-b', unknown)])).toEqual([]);
  });
});

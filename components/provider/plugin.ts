import type * as provider from '@pulumi/pulumi/provider/index.js';
import { database } from './database.ts';
import { placement } from './placement.ts';
import { redisUser } from './redis-user.ts';
import { registration } from './registration.ts';
import type { ResourceKind } from './resource-kind.ts';
import { role } from './role.ts';
import { searchIndex } from './search-index.ts';
import { siteDatabase } from './site-database.ts';
import { containsUnknown, same, unwrap, wrapSecrets } from './wire.ts';

type AnyKind = ResourceKind<Record<string, unknown>, Record<string, unknown>>;

/** The kinds by their type token's last word. */
const kinds: Readonly<Record<string, unknown>> = {
  Placement: placement,
  SiteDatabase: siteDatabase,
  Role: role,
  Database: database,
  RedisUser: redisUser,
  SearchIndex: searchIndex,
  Registration: registration,
};

/** Serves this project's resources to Pulumi's engine. Nothing of what it is told is kept between two calls. */
export class FleetProvider implements provider.Provider {
  readonly version = '0.1.0';
  readonly schema = JSON.stringify({
    name: 'fleet',
    version: this.version,
    resources: Object.fromEntries(Object.keys(kinds).map((kind) => [`fleet:index:${kind}`, {}])),
  });

  async check(urn: string, olds: unknown, news: unknown): Promise<provider.CheckResult> {
    const kind = kindOf(urn);
    const [before, after] = [properties(olds), properties(news)];
    const failures = [...checkShape(kind, after)];
    if (kind.onIdentityChange === 'refuse' && Object.keys(before).length > 0) {
      for (const property of kind.identity.filter((key) => !same(before[key], after[key]))) {
        failures.push({ property, reason: refusal(before[property], after[property], kind.remedy) });
      }
    }
    return { inputs: news, failures };
  }

  async diff(_id: string, urn: string, olds: unknown, news: unknown): Promise<provider.DiffResult> {
    const kind = kindOf(urn);
    const [before, after] = [properties(olds), properties(news)];
    const changed = Object.keys(kind.inputs.shape).filter((key) => !same(before[key], after[key]));
    const replaces = kind.onIdentityChange === 'replace' ? changed.filter((key) => kind.identity.includes(key)) : [];
    return { changes: changed.length > 0, replaces, deleteBeforeReplace: false };
  }

  async create(urn: string, inputs: unknown): Promise<provider.CreateResult> {
    const kind = kindOf(urn);
    const given = properties(inputs);
    const { id, outputs } = await kind.create(given);
    return { id, outs: wrapSecrets({ ...given, ...outputs }, kind.secrets) };
  }

  async update(_id: string, urn: string, _olds: unknown, news: unknown): Promise<provider.UpdateResult> {
    const kind = kindOf(urn);
    const given = properties(news);
    return { outs: wrapSecrets({ ...given, ...(await kind.update(given)) }, kind.secrets) };
  }

  async read(id: string, urn: string, props?: unknown): Promise<provider.ReadResult> {
    const kind = kindOf(urn);
    const state = properties(props);
    // Whoever imports has none yet.
    if (Object.keys(state).length === 0) {
      throw new Error(
        `${urn}: expected a resource of the state; it cannot be imported, pulumi up adopts what is there`,
      );
    }
    const found = await kind.read(state);
    if (found === undefined) return { id: '', props: {} };
    const inputs = Object.fromEntries(Object.keys(kind.inputs.shape).map((key) => [key, found[key]]));
    return { id, props: wrapSecrets(found, kind.secrets), inputs: wrapSecrets(inputs, kind.secrets) };
  }

  async delete(_id: string, urn: string, props: unknown): Promise<void> {
    await kindOf(urn).delete(properties(props));
  }
}

function refusal(before: unknown, after: unknown, remedy = 'nothing replaces it'): string {
  const show = (value: unknown) => (value === undefined ? 'none' : JSON.stringify(value));
  return `expected ${show(before)}, since the data is there; got ${show(after)}: ${remedy}`;
}

/** `urn:pulumi:dev::ghost-fleet::…$fleet:index:RedisUser::aurora-letters-cache` → its kind */
function kindOf(urn: string): AnyKind {
  const name = /[:$]fleet:index:([A-Za-z]+)::/.exec(urn)?.[1] ?? '';
  if (!Object.hasOwn(kinds, name)) {
    throw new Error(`${urn}: expected one of the types ${Object.keys(kinds).join(', ')}; got ${name}`);
  }
  return kinds[name] as AnyKind;
}

function properties(wire: unknown): Record<string, unknown> {
  return (unwrap(wire) ?? {}) as Record<string, unknown>;
}

function checkShape(kind: AnyKind, inputs: Record<string, unknown>): provider.CheckFailure[] {
  const { shape } = kind.inputs;
  const strange = Object.keys(inputs).filter((key) => !Object.hasOwn(shape, key));
  const failures = strange.map((property) => ({ property, reason: `expected no such input` }));
  for (const [property, schema] of Object.entries(shape)) {
    if (containsUnknown(inputs[property])) continue;
    // A message of zod names what was expected and no value, so that no secret gets into it.
    const parsed = (schema as AnyKind['inputs']).safeParse(inputs[property]);
    const reasons = parsed.success
      ? []
      : parsed.error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`);
    failures.push(...reasons.map((reason) => ({ property, reason: reason.trim() })));
  }
  return failures;
}

import { isDeepStrictEqual } from 'node:util';

// Pulumi's wire format for what JSON cannot say (sdk/v3/go/common/resource/properties.go).
const signatureKey = '4dabf18193072939515e22adb298388d';
const secretSignature = '1b47061264138c4ac30d75fd1eb44270';
const outputSignature = 'd0e6a833031e9bbcd3f4e8bde6ca49a4';
const unknownValue = '04da6b54-80e4-46f7-96ec-b56ff0331ba9';

/** Stands for a value that is not known before something else has been made. */
export const unknown = Symbol('unknown');

/** Takes secrets and outputs out of their wrapping; what is unknown becomes {@link unknown}. */
export function unwrap(value: unknown): unknown {
  if (value === unknownValue) return unknown;
  if (Array.isArray(value)) return value.map(unwrap);
  if (typeof value !== 'object' || value === null) return value;
  const record = value as Record<string, unknown>;
  if (record[signatureKey] === secretSignature) return unwrap(record.value);
  if (record[signatureKey] === outputSignature) return 'value' in record ? unwrap(record.value) : unknown;
  return Object.fromEntries(Object.entries(record).map(([key, inner]) => [key, unwrap(inner)]));
}

/** Dotted paths of what is secret as a whole. */
export function secretPathsOf(value: unknown, at: readonly string[] = []): string[] {
  if (typeof value !== 'object' || value === null) return [];
  const record = value as Record<string, unknown>;
  if (record[signatureKey] === secretSignature) return [at.join('.')];
  return Object.entries(record).flatMap(([key, inner]) => secretPathsOf(inner, [...at, key]));
}

/** Wraps the properties named in `secrets`, so that the engine encrypts them wherever it writes them. */
export function wrapSecrets(properties: object, secrets: readonly string[]): Record<string, unknown> {
  const known = Object.entries(properties).filter(([, value]) => value !== undefined);
  return Object.fromEntries(
    known.map(([key, value]) => [key, secrets.includes(key) ? { [signatureKey]: secretSignature, value } : value]),
  );
}

export function containsUnknown(value: unknown): boolean {
  if (value === unknown) return true;
  if (Array.isArray(value)) return value.some(containsUnknown);
  return typeof value === 'object' && value !== null && Object.values(value).some(containsUnknown);
}

/** Whether two unwrapped values are the same; an unknown value is never the same as anything. */
export function same(a: unknown, b: unknown): boolean {
  return !containsUnknown(a) && !containsUnknown(b) && isDeepStrictEqual(a, b);
}

/** A resource's properties as Pulumi's protocol carries them: JSON with a marker for what is not known yet. */
export type Properties = { readonly [name: string]: unknown };

/** Marker in a preview for an output of a resource that is yet to be made (sdk/go/common/resource/plugin). */
export const unknown = '04da6b54-80e4-46f7-96ec-b56ff0331ba9';

/** Whether any value anywhere below is not known yet. */
export function hasUnknowns(value: unknown): boolean {
  if (value === unknown) return true;
  if (Array.isArray(value)) return value.some(hasUnknowns);
  return isObject(value) && Object.values(value).some(hasUnknowns);
}

export function isObject(value: unknown): value is Properties {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The value at a dotted path of names, undefined where there is none. */
export function valueAt(value: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((at, name) => (isObject(at) ? at[name] : undefined), value);
}

/** Dotted paths at which two values differ; a list counts as one value. */
export function changedPaths(before: unknown, after: unknown, at = ''): string[] {
  if (isObject(before) && isObject(after)) {
    const names = new Set([...Object.keys(before), ...Object.keys(after)]);
    return [...names].sort().flatMap((name) => changedPaths(before[name], after[name], at ? `${at}.${name}` : name));
  }
  return JSON.stringify(sorted(before)) === JSON.stringify(sorted(after)) ? [] : [at];
}

/** The same value with the keys of its objects in order, so that equal values have equal texts. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((name) => [name, sorted(value[name])]),
  );
}

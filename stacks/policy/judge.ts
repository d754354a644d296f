import { secretPathsOf, unknown, unwrap } from '../../components/provider/wire.ts';
import type { Rule, StackRule, Subject } from './subject.ts';

/** A rule looked at a value that is not known before something else has been made. */
class NotKnownYetError extends Error {}

/** A resource as the engine describes it, without what it does not say. */
export interface Described {
  readonly type: string;
  readonly name: string;
  /** In Pulumi's wire format. */
  readonly properties: unknown;
  readonly protect: boolean;
}

/** Makes a subject of what the engine says. Whoever reads one of its values that is not known yet ends in an error. */
export function subjectOf({ type, name, properties, protect }: Described): Subject {
  return {
    type,
    name,
    inputs: guardUnknowns(unwrap(properties ?? {})) as Record<string, unknown>,
    secretPaths: secretPathsOf(properties),
    protect,
    retainOnDelete: undefined,
  };
}

/** What a rule says of a resource; nothing while that hangs on values that are not known yet: it is asked again then. */
export function judge(rule: Rule, subject: Subject): readonly string[] {
  return unlessUnknown(() => rule(subject));
}

/** The same for a whole stack. */
export function judgeStack(rule: StackRule, subjects: readonly Subject[]): readonly string[] {
  return unlessUnknown(() => rule(subjects));
}

function unlessUnknown(check: () => readonly string[]): readonly string[] {
  try {
    return check();
  } catch (error) {
    if (error instanceof NotKnownYetError) return [];
    throw error;
  }
}

/** The same value; what is unknown in it throws when it is read, since a rule would take it for wrong. */
function guardUnknowns(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const guarded: object = Array.isArray(value) ? [] : {};
  for (const [key, inner] of Object.entries(value)) {
    const descriptor =
      inner === unknown
        ? {
            get() {
              throw new NotKnownYetError(key);
            },
          }
        : { value: guardUnknowns(inner), writable: true };
    Object.defineProperty(guarded, key, { ...descriptor, enumerable: true, configurable: true });
  }
  return guarded;
}

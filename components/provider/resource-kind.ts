import type { z } from 'zod';

/** A resource of this plugin: what it is told, what it makes of it, and how that is undone. */
export interface ResourceKind<Inputs extends object, Outputs extends object> {
  /** Shape of the inputs; problems are reported at preview, all at once, unless their value is yet unknown. */
  readonly inputs: z.ZodObject & z.ZodType<Inputs>;
  /** Inputs and outputs that must never stand in the state in plain. */
  readonly secrets: readonly string[];
  /** Inputs whose change cannot be made in place. */
  readonly identity: readonly (keyof Inputs & string)[];
  /**
   * What a change of an identity means: `replace` for what can be made anew; `refuse`, at preview, for what holds data.
   */
  readonly onIdentityChange: 'replace' | 'refuse';
  /** How somebody who is refused gets there. @default nothing more is said */
  readonly remedy?: string;
  /** Makes it, or adopts what is there already: an interrupted run and a site that comes back both find it. */
  create(inputs: Inputs): Promise<{ readonly id: string; readonly outputs: Outputs }>;
  update(inputs: Inputs): Promise<Outputs>;
  /** What stands there now as inputs, those that cannot be seen taken from `state`; undefined where it is gone. */
  read(state: Inputs & Outputs): Promise<(Inputs & Outputs) | undefined>;
  delete(state: Inputs & Outputs): Promise<void>;
}

/** Declares a kind with its types inferred. */
export function defineKind<Inputs extends object, Outputs extends object>(
  kind: ResourceKind<Inputs, Outputs>,
): ResourceKind<Inputs, Outputs> {
  return kind;
}

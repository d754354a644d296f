/** A resource as a program registers it, as far as a rule looks at it. */
export interface Subject {
  readonly type: string;
  readonly name: string;
  /** In plain; secrets are named by `secretPaths`. */
  readonly inputs: Readonly<Record<string, unknown>>;
  /** Paths below `inputs` that are secret as a whole, such as `stringData`. */
  readonly secretPaths: readonly string[];
  readonly protect: boolean;
  /** Undefined where whoever asks cannot say: Pulumi's engine tells a policy pack nothing of it. */
  readonly retainOnDelete: boolean | undefined;
}

/** A rule of the policies: what is wrong with a resource, a line each; nothing where it is sound. */
export type Rule = (resource: Subject) => readonly string[];

/** A rule that looks at all resources of a stack at once. */
export type StackRule = (resources: readonly Subject[]) => readonly string[];

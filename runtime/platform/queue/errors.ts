import type { z } from 'zod';

/** A payload is not what its kind takes: a mistake of who enqueues, or a kind that changed under a waiting job. */
export class JobPayloadError extends Error {
  readonly kind: string;
  readonly issues: readonly z.core.$ZodIssue[];
  constructor(kind: string, { issues }: z.ZodError) {
    const problems = issues.map(({ path, message }) => `payload.${path.join('.')}: ${message}`);
    super(`${kind}: ${problems.join('; ')}`);
    this.name = 'JobPayloadError';
    this.kind = kind;
    this.issues = issues;
  }
}

/** Thrown by a handler: no further attempt would help. The job is failed at once. */
export class PermanentFailure extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'PermanentFailure';
  }
}

/**
 * Ends a run that another will continue: the lease is another worker's, this worker stops, or the database went away.
 * Handlers let it through; it is no failed attempt.
 */
export class JobInterruption extends Error {
  readonly reason: 'lease lost' | 'handed back' | 'database away';
  constructor(reason: JobInterruption['reason'], options?: ErrorOptions) {
    super(`the run of this job ends here: ${reason}`, options);
    this.name = 'JobInterruption';
    this.reason = reason;
  }
}

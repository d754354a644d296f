export type BillingErrorCode =
  | 'invalid' // what was given cannot be booked
  | 'not-found'
  | 'not-allowed' // the subscription's or the account's state forbids it
  | 'too-early'; // the month has not ended

/** A billing action that cannot be done. The message is fit for the person who asked for it. */
export class BillingError extends Error {
  readonly code: BillingErrorCode;
  /** What would make it possible. */
  readonly remedy: string | undefined;
  constructor(code: BillingErrorCode, message: string, remedy?: string) {
    super(message);
    this.name = 'BillingError';
    this.code = code;
    this.remedy = remedy;
  }
}

/** Who is to pay. */
export interface Payer {
  readonly creatorId: string;
  readonly email: string;
  readonly name: string;
  /** Who they are to the driver already. */
  readonly customer: string | null;
}

/** What the driver asked for before, to be looked up before it is asked for again. */
export interface EarlierRequest {
  readonly reference: string;
  readonly outcome: 'pending' | 'action-needed' | 'failed';
}

/** An open amount of an invoice. */
export interface CollectRequest {
  readonly invoiceId: string;
  readonly number: string;
  readonly amount: number;
  readonly currency: string;
  readonly customer: string | null;
  /** The creator is there and can be sent to a page, to choose how to pay. */
  readonly interactive: boolean;
  /** Page that they come back to. */
  readonly returnUrl: string;
  /** The same for a call that is repeated because nobody knows how it ended. */
  readonly key: string;
  readonly earlier: EarlierRequest | undefined;
}

export type CollectOutcome =
  /** The money is there. */
  | { readonly outcome: 'paid'; readonly reference: string; readonly amount: number; readonly currency: string }
  /** A notice will tell. */
  | { readonly outcome: 'pending'; readonly reference: string }
  /** The creator has to do something: at `url`, or by what the invoice says. */
  | { readonly outcome: 'action-needed'; readonly reference: string; readonly url: string | null }
  | { readonly outcome: 'failed'; readonly reference: string; readonly message: string };

export interface RefundRequest {
  readonly invoiceId: string;
  /** The driver's reference of the payment. */
  readonly payment: string;
  readonly amount: number;
  readonly currency: string;
  readonly key: string;
}

export type RefundOutcome =
  | { readonly outcome: 'done'; readonly reference: string }
  | { readonly outcome: 'pending'; readonly reference: string }
  | { readonly outcome: 'failed'; readonly reference: string; readonly message: string };

/** What a driver's service says happened. */
export type NoticeEffect =
  | {
      readonly kind: 'paid';
      readonly invoiceId: string;
      readonly reference: string;
      readonly amount: number;
      readonly currency: string;
    }
  | { readonly kind: 'failed'; readonly invoiceId: string; readonly reference: string; readonly message: string }
  | {
      readonly kind: 'refunded';
      readonly payment: string;
      readonly reference: string;
      readonly amount: number;
      readonly currency: string;
    }
  /** Nothing that concerns an invoice of ours. */
  | { readonly kind: 'none' };

/** One message of a driver's service, its origin verified. */
export interface PaymentNotice {
  /** The same when it is delivered again. */
  readonly eventId: string;
  readonly type: string;
  readonly effect: NoticeEffect;
}

/** How money comes in. A driver keeps nothing: what happened is in the platform's database. */
export interface PaymentDriver {
  readonly name: 'manual' | 'stripe';
  /** Makes the payer known to the service. @returns who they are there; null where the driver has no customers */
  ensureCustomer(payer: Payer): Promise<string | null>;
  /** Asks for the money. @throws where the service did not answer: ask again with the same key */
  collect(request: CollectRequest): Promise<CollectOutcome>;
  /** Sends money back. @throws as `collect` does */
  refund(request: RefundRequest): Promise<RefundOutcome>;
  /** Reads a message that the service sent, the body as it came. @throws NoticeRefusedError unless the service signed it */
  readNotice(body: string | Buffer, signature: string, now: Date): PaymentNotice;
}

/** A message does not come from the driver's service, or is too old. */
export class NoticeRefusedError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'NoticeRefusedError';
  }
}

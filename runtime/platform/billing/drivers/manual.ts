import {
  type CollectOutcome,
  type CollectRequest,
  NoticeRefusedError,
  type PaymentDriver,
  type RefundOutcome,
  type RefundRequest,
} from './driver.ts';

/** Bank transfers: the invoice asks for the money, and staff book what arrives and what they send back. */
export const manualDriver: PaymentDriver = {
  name: 'manual',
  ensureCustomer: async () => null,
  collect: async ({ number }: CollectRequest): Promise<CollectOutcome> => ({
    outcome: 'action-needed',
    reference: number,
    url: null,
  }),
  refund: async ({ key }: RefundRequest): Promise<RefundOutcome> => ({ outcome: 'pending', reference: key }),
  readNotice: () => {
    throw new NoticeRefusedError('nobody sends notices of bank transfers');
  },
};

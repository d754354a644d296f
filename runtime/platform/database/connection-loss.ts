/** SQLSTATE classes and codes that say that the server or the pooler before it went away, or does not take anybody yet. */
const states = /^(08...|57P0[123]|58000)$/;

const systemErrors = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
]);

/** What `pg` and knex say without a code. */
const messages = [
  'Connection terminated',
  'Client has encountered a connection error',
  'Client was closed',
  'Timeout acquiring a connection',
  'timeout expired',
];

/**
 * Whether an error of the database says that the connection was lost or could not be had, rather than that a statement was
 * wrong. Whether a commit that ended so has happened, nobody knows.
 */
export function isConnectionLoss(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code } = error as NodeJS.ErrnoException;
  if (code !== undefined && (states.test(code) || systemErrors.has(code))) return true;
  // Node wraps the refusals of several addresses.
  if (error instanceof AggregateError) return error.errors.some(isConnectionLoss);
  return messages.some((message) => error.message.includes(message));
}

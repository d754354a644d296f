/** When a site is visited again. */
export interface Schedule {
  /** Between two visits of a site. @default an hour */
  readonly intervalMs?: number;
  /** Before a site that did not answer is asked again, the first time. @default a minute */
  readonly retryMs?: number;
  /** The same at most, however often it did not answer. @default six hours */
  readonly retryMaxMs?: number;
  /** A number from 0 to 1, not included. @default Math.random */
  readonly random?: () => number;
}

const hour = 3_600_000;

/** An interval on, a tenth sooner or later, so that sites registered together do not stay together. */
export function dueAfterSuccess(now: Date, { intervalMs = hour, random = Math.random }: Schedule): Date {
  return new Date(now.getTime() + intervalMs * (0.9 + 0.2 * random()));
}

/**
 * Twice as long with each failure, up to the most; between half of that and all of it, so that the sites of a server that
 * was away do not come back as one crowd.
 *
 * @param failures failures in a row, this one included
 */
export function dueAfterFailure(now: Date, failures: number, schedule: Schedule): Date {
  const { retryMs = 60_000, retryMaxMs = 6 * hour, random = Math.random } = schedule;
  const wait = Math.min(retryMaxMs, retryMs * 2 ** (failures - 1));
  return new Date(now.getTime() + wait * (0.5 + 0.5 * random()));
}

/** Waits between attempts: the first lasts `firstMs`, each further one twice as long, none longer than `longestMs`. */
export interface Backoff {
  readonly firstMs: number;
  readonly longestMs: number;
}

/**
 * How long to wait after a number of failed attempts. Half of it is left to chance, so that what failed together is not
 * tried again together.
 *
 * @param failures attempts that have failed, from 1
 * @param chance from 0 to 1 @default Math.random()
 */
export function backoffMs({ firstMs, longestMs }: Backoff, failures: number, chance = Math.random()): number {
  const whole = Math.min(longestMs, firstMs * 2 ** (failures - 1));
  return Math.round(whole / 2 + (whole / 2) * chance);
}

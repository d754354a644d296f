/** What the design expects of one part, and what this machine does. */
export interface Outcome {
  readonly projection: string;
  /** How it was measured: through which client, in which units of work. */
  readonly level: string;
  readonly wanted: number;
  readonly measured: number;
  readonly unit: string;
  /** Whether less is better: a time. @default false */
  readonly least?: boolean;
}

/** Where a projection may keep its scratch files, and how long each of its measurements takes. */
export interface Bounds {
  readonly dir: string;
  readonly seconds: number;
}

/** One part of the design's projections. */
export interface Projection {
  readonly name: string;
  measure(bounds: Bounds): Promise<Outcome[]>;
}

/** How many times as good as wanted: 1 and more is met. */
export function factorOf({ wanted, measured, least }: Outcome): number {
  return least === true ? wanted / measured : measured / wanted;
}

/** Repeats work that is done `each` at a time for some seconds; returns units a second. */
export function rateOf(seconds: number, each: number, work: () => void): number {
  const started = performance.now();
  const until = started + seconds * 1000;
  let done = 0;
  while (performance.now() < until) {
    work();
    done += each;
  }
  return (done * 1000) / (performance.now() - started);
}

/** As {@link rateOf}, with several workers that wait for their answers. */
export async function rateOfWorkers(
  seconds: number,
  each: number,
  workers: readonly (() => Promise<unknown>)[],
): Promise<number> {
  const started = performance.now();
  const until = started + seconds * 1000;
  let done = 0;
  await Promise.all(
    workers.map(async (work) => {
      while (performance.now() < until) {
        await work();
        done += each;
      }
    }),
  );
  return (done * 1000) / (performance.now() - started);
}

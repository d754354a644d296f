import autocannon from 'autocannon';

/** One request of a journey, and what to make of its answer. */
export interface BenchRequest {
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly path: string;
  readonly body?: unknown;
  readonly answered?: (body: string) => void;
  /** For an answer with another status than wanted. */
  readonly refused?: () => void;
}

export interface LoadOptions {
  /** @default '127.0.0.1' */
  readonly host?: string;
  readonly port: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Connections, each with one request at a time. */
  readonly users: number;
  /** Requests in all. */
  readonly amount: number;
  /** The status that an answer is to have. */
  readonly status: number;
  /** Makes the next request of whichever connection is free. */
  readonly next: () => BenchRequest;
}

/** What one slice of load came to. */
export interface LoadFigures {
  /** Requests that were answered as wanted. */
  readonly requests: number;
  /** Those that were not: their status and the beginning of their bodies. */
  readonly refused: readonly string[];
  /** Length of the slice, from its first request to its last answer. */
  readonly seconds: number;
  readonly latenciesMs: readonly number[];
}

/**
 * Sends a number of requests over some connections; autocannon does the sending. Nothing is still being worked on when it
 * is done.
 *
 * @throws Error where there was no answer, and where more than every second answer had another status
 */
export async function load(options: LoadOptions): Promise<LoadFigures> {
  const latenciesMs: number[] = [];
  const refused: string[] = [];
  const started = performance.now();
  let last = started;
  const answering = new WeakMap<object, BenchRequest>();
  const settings: autocannon.Options = {
    url: `http://${options.host ?? '127.0.0.1'}:${options.port}`,
    connections: options.users,
    amount: options.amount,
    timeout: 60,
    requests: [
      {
        setupRequest(request, context) {
          const wanted = options.next();
          answering.set(context, wanted);
          const body = wanted.body === undefined ? undefined : JSON.stringify(wanted.body);
          return {
            ...request,
            method: wanted.method,
            path: wanted.path,
            headers: {
              ...options.headers,
              ...(body === undefined ? {} : { 'content-type': 'application/json' }),
            },
            ...(body === undefined ? {} : { body }),
          };
        },
        onResponse(status, body, context) {
          if (status === options.status) answering.get(context)?.answered?.(body);
          else {
            refused.push(`${status} ${body.slice(0, 500)}`);
            answering.get(context)?.refused?.();
          }
        },
      },
    ],
  };
  const { errors, timeouts } = await new Promise<autocannon.Result>((resolve, reject) => {
    const run = autocannon(settings, (error, result) => (error ? reject(error) : resolve(result)));
    run.on('response', (_client, status, _bytes, responseTime) => {
      if (status === options.status) latenciesMs.push(responseTime);
      last = performance.now();
    });
  });
  if (errors + timeouts > 0) throw new Error(`${errors} connections failed, ${timeouts} requests had no answer`);
  // A connection that the server closes in place of an answer is no failure to autocannon, which opens another.
  const lost = options.amount - latenciesMs.length - refused.length;
  if (lost > 0) throw new Error(`${lost} of ${options.amount} requests had no answer`);
  if (refused.length > latenciesMs.length)
    throw new Error(`expected ${options.status}; got ${refused.length} others, first ${refused[0]}`);
  return { requests: latenciesMs.length, refused, seconds: (last - started) / 1000, latenciesMs };
}

/** The value that `share` of the figures (0 to 1) do not exceed. */
export function percentileOf(figures: readonly number[], share: number): number {
  const sorted = [...figures].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

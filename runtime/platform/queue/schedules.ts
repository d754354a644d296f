import { CronExpressionParser } from 'cron-parser';
import type { JobDefinition, JobRequest } from './definition.ts';
import { type Poll, startPoll } from './poll.ts';
import type { QueueLog } from './queue-log.ts';

/** A job that recurs. Made by {@link schedule}. */
export interface Schedule {
  /** Names the schedule; a released name is never given to another. */
  readonly name: string;
  /** Five fields, or six with seconds, as `cron-parser` reads them. */
  readonly cron: string;
  readonly timeZone: string;
  readonly definition: JobDefinition<unknown>;
  /** The payload of the job for one tick. */
  payload(tick: Date): unknown;
}

/** A job that a schedule asks for. */
export interface Tick {
  readonly definition: JobDefinition<unknown>;
  readonly request: JobRequest<unknown> & { readonly schedule: string };
}

/**
 * Says that a job of the fleet's own is to be enqueued at each tick of a clock, once, however many workers tick. Ticks that
 * were missed while no worker ran, or before the schedule was known, are made up for by the latest of them.
 *
 * @param args.timeZone @default UTC
 * @throws Error where `cron` is none
 */
export function schedule<Output, Input>(args: {
  readonly name: string;
  readonly cron: string;
  readonly timeZone?: string;
  readonly definition: JobDefinition<Output, Input>;
  readonly payload: (tick: Date) => Input;
}): Schedule {
  const made = { timeZone: 'UTC', ...args, definition: args.definition as JobDefinition<unknown> };
  lastTick(made, new Date());
  return made;
}

/** The latest moment before `now` that a schedule names. */
export function lastTick({ cron, timeZone }: Pick<Schedule, 'cron' | 'timeZone'>, now: Date): Date {
  return CronExpressionParser.parse(cron, { currentDate: now, tz: timeZone }).prev().toDate();
}

/** What a schedule asks for at a tick. Its key makes it one job, whoever enqueues it and however often. */
export function tickOf(schedule: Schedule, tick: Date): Tick {
  const { name, definition } = schedule;
  const key = `${name}@${tick.toISOString()}`;
  return { definition, request: { payload: schedule.payload(tick), creatorId: null, key, schedule: name } };
}

/** Enqueues what schedules ask for, from now on. */
export function startClock(
  schedules: readonly Schedule[],
  { now, pollMs, log }: { now: () => Date; pollMs: number; log: QueueLog },
  enqueue: (ticks: readonly Tick[]) => Promise<void>,
): Poll {
  const enqueued = new Map<string, number>();
  return startPoll(pollMs, log, async () => {
    const at = now();
    const due = schedules
      .map((schedule) => ({ schedule, tick: lastTick(schedule, at) }))
      .filter(({ schedule, tick }) => enqueued.get(schedule.name) !== tick.getTime());
    if (due.length === 0) return;
    await enqueue(due.map(({ schedule, tick }) => tickOf(schedule, tick)));
    for (const { schedule, tick } of due) enqueued.set(schedule.name, tick.getTime());
  });
}

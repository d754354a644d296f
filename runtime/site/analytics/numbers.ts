/** Days of UTC as `YYYY-MM-DD`, both included. */
export interface DayWindow {
  readonly from: string;
  readonly through: string;
}

/** A site's day. Members and revenue are those at its end, all else is what happened on it. */
export interface DayNumbers {
  readonly day: string;
  readonly membersTotal: number;
  readonly membersFree: number;
  readonly membersPaid: number;
  readonly membersComped: number;
  readonly membersGifted: number;
  /** Members who signed up. */
  readonly membersNew: number;
  /** Members who began to pay, as Ghost's `paid_subscribed`. */
  readonly paidNew: number;
  /** Members who ceased to pay, as Ghost's `paid_canceled`. */
  readonly paidChurned: number;
  readonly postsPublished: number;
  /** Newsletters by recipient. */
  readonly emailsSent: number;
  /** By the first time that a recipient opened one, so that the days add up to Ghost's own `opened_count`. */
  readonly emailsOpened: number;
  /** By the first click of a member in a post's newsletter, so that the days add up to Ghost's own count. */
  readonly emailsClicked: number;
  readonly comments: number;
  /** Monthly recurring revenue by currency (lower case), in minor units. */
  readonly mrr: Readonly<Record<string, number>>;
}

/** What a site's database says of some days. */
export interface SiteNumbers {
  /** Every day of the window, in order. */
  readonly days: readonly DayNumbers[];
  /** Staff as Ghost's own limits count it: neither contributors nor suspended users. */
  readonly staff: number;
}

/** A figure that {@link siteNumbersSql} asks for; without a day it is that of now. */
export interface FigureRow {
  readonly figure: string;
  readonly day: string | null;
  readonly key: string | null;
  readonly value: number | string;
}

/** Currencies of one site at most. */
const mostCurrencies = 20;

/** What happened on a day, by figure. */
const counters = {
  published: 'postsPublished',
  sent: 'emailsSent',
  opened: 'emailsOpened',
  clicked: 'emailsClicked',
  commented: 'comments',
} as const satisfies Readonly<Record<string, keyof DayNumbers>>;

/** All days of a window. */
export function daysOf({ from, through }: DayWindow): string[] {
  const days: string[] = [];
  for (let day = from; day <= through; day = addDays(day, 1)) days.push(day);
  return days;
}

/** The day `count` days after one of UTC; before it where `count` is negative. */
export function addDays(day: string, count: number): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) + count * 86_400_000).toISOString().slice(0, 10);
}

/** The day of UTC that a moment is in. */
export function dayOf(moment: Date): string {
  return moment.toISOString().slice(0, 10);
}

/**
 * Puts a site's figures together as Ghost's stats service does (core/server/services/stats): from what is there now,
 * backwards through the events of each day. What no event explains was always there; nothing is shown below zero.
 *
 * @throws RangeError for what no site's database holds unless somebody made it to do harm
 */
export function assembleNumbers(rows: readonly FigureRow[], window: DayWindow): SiteNumbers {
  const figures = new Figures(rows);
  const members = figures.now('members');
  const mrr = new Map([...figures.now('mrr')].sort(([one], [other]) => (one < other ? -1 : 1)));
  const odd = [...mrr.keys()].find((currency) => !/^[a-z]{3}$/.test(currency));
  if (odd !== undefined || mrr.size > mostCurrencies)
    throw new RangeError(`currencies: expected at most ${mostCurrencies} of three letters; got ${odd ?? mrr.size}`);
  const days = daysOf(window)
    .reverse()
    .map((day): DayNumbers => {
      const events = figures.on('status', day);
      const sum = (matches: (from: string, to: string) => boolean) => sumOf(events, matches);
      const count = (status: string) => Math.max(0, members.get(status) ?? 0);
      const numbers = {
        day,
        membersTotal: [...members.keys()].reduce((total, status) => total + count(status), 0),
        membersFree: count('free'),
        membersPaid: count('paid'),
        membersComped: count('comped'),
        membersGifted: count('gift'),
        membersNew: sum((from) => from === ''),
        paidNew: sum((_, to) => to === 'paid'),
        paidChurned: sum((from) => from === 'paid'),
        ...figures.countersOf(day),
        mrr: Object.fromEntries([...mrr].map(([currency, amount]) => [currency, Math.max(0, amount)])),
      };
      for (const [change, times] of events) {
        const [from = '', to = ''] = change.split('>');
        if (to !== '') members.set(to, (members.get(to) ?? 0) - times);
        if (from !== '') members.set(from, (members.get(from) ?? 0) + times);
      }
      // A currency that nobody pays in any more is one that Ghost leaves out.
      for (const [currency, delta] of figures.on('mrr_delta', day))
        if (mrr.has(currency)) mrr.set(currency, (mrr.get(currency) ?? 0) - delta);
      return numbers;
    });
  return { days: days.reverse(), staff: figures.now('staff').get('') ?? 0 };
}

function sumOf(events: ReadonlyMap<string, number>, matches: (from: string, to: string) => boolean): number {
  let sum = 0;
  for (const [change, times] of events) {
    const [from = '', to = ''] = change.split('>');
    if (matches(from, to)) sum += times;
  }
  return sum;
}

/** Figures by name, day and key. */
class Figures {
  readonly #values = new Map<string, Map<string, number>>();

  constructor(rows: readonly FigureRow[]) {
    for (const { figure, day, key, value } of rows) {
      const place = `${figure} ${day ?? ''}`;
      const values = this.#values.get(place) ?? new Map<string, number>();
      values.set(key ?? '', (values.get(key ?? '') ?? 0) + safeInteger(figure, value));
      this.#values.set(place, values);
    }
  }

  now(figure: string): Map<string, number> {
    return new Map(this.#values.get(`${figure} `));
  }

  on(figure: string, day: string): ReadonlyMap<string, number> {
    return this.#values.get(`${figure} ${day}`) ?? new Map();
  }

  countersOf(day: string): Pick<DayNumbers, (typeof counters)[keyof typeof counters]> {
    const entries = Object.entries(counters).map(([figure, name]) => [name, this.on(figure, day).get('') ?? 0]);
    return Object.fromEntries(entries);
  }
}

function safeInteger(figure: string, value: number | string): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number))
    throw new RangeError(`${figure}: expected a whole number of at most 53 bits; got ${value}`);
  return number;
}

/** An amount of money: an integer in the currency's minor unit (cents), never a float. */
export interface Money {
  readonly amount: number;
  /** ISO 4217 code. */
  readonly currency: 'EUR' | 'USD';
}

/** Kubernetes quantities. */
export interface ContainerResources {
  readonly cpu: string;
  readonly memory: string;
}

/** What is asked for one unit above a quota and a month, in the minor unit of the plan's price. */
export interface OveragePrices {
  /** Each started 1,000 members. */
  readonly per1000Members: number;
  /** Each started GiB. */
  readonly perGiB: number;
  /** Each started 1,000 e-mails. */
  readonly per1000Emails: number;
  readonly perStaffSeat: number;
}

/** What a plan costs in one currency. */
export interface PlanPrice {
  readonly monthlyPrice: Money;
  readonly overage: OveragePrices;
}

/** What a creator buys: resources, quotas and a price. */
export interface Plan extends PlanPrice {
  readonly title: string;
  /** The same plan in other currencies; a subscription keeps the one it began in. */
  readonly alsoPricedIn: readonly PlanPrice[];
  /** The platform's share of what the site's members pay, in hundredths of a percent. */
  readonly revenueShareBasisPoints: number;
  /** Days that a site's first subscription is free. */
  readonly trialDays: number;
  readonly resources: { readonly requests: ContainerResources; readonly limits: ContainerResources };
  readonly quotas: {
    readonly storageGiB: number;
    readonly members: number;
    readonly emailsPerMonth: number;
    readonly staff: number;
  };
  readonly database: {
    /** Connections of one container's pool, which starts empty. */
    readonly poolMax: number;
    /** Connections that the site's role may hold at once, all containers and migrations together. */
    readonly connectionLimit: number;
    readonly statementTimeoutMs: number;
  };
  readonly backups: { readonly schedule: string; readonly retentionDays: number };
  readonly scaling: { readonly min: number; readonly max: number };
  readonly search: boolean;
}

/**
 * The plans by key. Memory follows from Ghost's measured resident size (226 MB idle on 6.65), with room for a theme
 * render and an import. More than one replica needs an explicit `scaling.max` in the site's YAML.
 */
export const plans = {
  starter: {
    title: 'Starter',
    monthlyPrice: { amount: 900, currency: 'EUR' },
    overage: { per1000Members: 500, perGiB: 50, per1000Emails: 100, perStaffSeat: 300 },
    alsoPricedIn: [
      {
        monthlyPrice: { amount: 1_000, currency: 'USD' },
        overage: { per1000Members: 550, perGiB: 55, per1000Emails: 110, perStaffSeat: 330 },
      },
    ],
    revenueShareBasisPoints: 500,
    trialDays: 14,
    resources: { requests: { cpu: '100m', memory: '320Mi' }, limits: { cpu: '1', memory: '640Mi' } },
    quotas: { storageGiB: 5, members: 1_000, emailsPerMonth: 5_000, staff: 2 },
    database: { poolMax: 3, connectionLimit: 10, statementTimeoutMs: 30_000 },
    backups: { schedule: '15 3 * * *', retentionDays: 14 },
    scaling: { min: 1, max: 1 },
    search: false,
  },
  studio: {
    title: 'Studio',
    monthlyPrice: { amount: 2_900, currency: 'EUR' },
    overage: { per1000Members: 300, perGiB: 40, per1000Emails: 80, perStaffSeat: 300 },
    alsoPricedIn: [
      {
        monthlyPrice: { amount: 3_200, currency: 'USD' },
        overage: { per1000Members: 330, perGiB: 45, per1000Emails: 90, perStaffSeat: 330 },
      },
    ],
    revenueShareBasisPoints: 250,
    trialDays: 14,
    resources: { requests: { cpu: '250m', memory: '448Mi' }, limits: { cpu: '2', memory: '1Gi' } },
    quotas: { storageGiB: 20, members: 10_000, emailsPerMonth: 60_000, staff: 5 },
    database: { poolMax: 5, connectionLimit: 15, statementTimeoutMs: 30_000 },
    backups: { schedule: '15 3 * * *', retentionDays: 30 },
    scaling: { min: 1, max: 1 },
    search: true,
  },
  publisher: {
    title: 'Publisher',
    monthlyPrice: { amount: 14_900, currency: 'EUR' },
    overage: { per1000Members: 200, perGiB: 30, per1000Emails: 60, perStaffSeat: 300 },
    alsoPricedIn: [
      {
        monthlyPrice: { amount: 16_500, currency: 'USD' },
        overage: { per1000Members: 220, perGiB: 35, per1000Emails: 65, perStaffSeat: 330 },
      },
    ],
    revenueShareBasisPoints: 100,
    trialDays: 14,
    resources: { requests: { cpu: '500m', memory: '768Mi' }, limits: { cpu: '4', memory: '2Gi' } },
    quotas: { storageGiB: 100, members: 100_000, emailsPerMonth: 800_000, staff: 25 },
    database: { poolMax: 8, connectionLimit: 30, statementTimeoutMs: 60_000 },
    backups: { schedule: '15 */6 * * *', retentionDays: 90 },
    scaling: { min: 1, max: 1 },
    search: true,
  },
} as const satisfies Readonly<Record<string, Plan>>;

export type PlanKey = keyof typeof plans;

export const planKeys = Object.keys(plans) as PlanKey[];

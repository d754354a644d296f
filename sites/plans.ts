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

/** What a creator buys: resources, quotas and a price. */
export interface Plan {
  readonly title: string;
  readonly monthlyPrice: Money;
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

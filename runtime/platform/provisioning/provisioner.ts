import type { RequestedSite, SiteChange } from '../../../sites/candidate.ts';
import type { Site, SiteInput } from '../../../sites/schema.ts';

/** How a site does, as whoever runs it says. */
export interface SiteHealth {
  readonly slug: string;
  /** `ready`, `starting`, `crashed`, `paused`, … */
  readonly state: string;
  readonly detail: string;
  readonly restarts: number;
  readonly version: string | undefined;
  readonly database: string;
}

/** What a site's entry says of it that shows once it is made real. */
export type WantedSite = Pick<Site, 'slug' | 'creator' | 'state' | 'plan' | 'domains'>;

/** Tells whoever waits what happens, a line at a time. */
export type Progress = (text: string) => Promise<void>;

/**
 * How a change of the registry is made and becomes real. Every method may be called again after it was cut short, and then
 * ends with the same result.
 */
export interface Provisioner {
  /** Name of what must not change twice at once: a stack, or the local fleet. */
  laneOf(site: Pick<SiteInput, 'shard'>): string;
  /** The same for a site of the registry. @throws Error where it has none of that slug */
  laneOfSite(slug: string): Promise<string>;
  /**
   * Checks a new site as the registry would have it, without writing.
   *
   * @param requested sites whose jobs have not ended: none of them may have its file yet
   * @throws RegistryError with every problem
   */
  check(site: SiteInput, requested?: readonly RequestedSite[]): Promise<SiteInput>;
  /** Writes the new site's YAML; one that is there and says the same is left alone. @throws RegistryError */
  create(site: SiteInput, author: string): Promise<void>;
  /** Changes keys of a site's YAML. @throws RegistryError */
  change(slug: string, change: SiteChange, author: string): Promise<Site>;
  /** Makes real what the registry says of a site. */
  apply(slug: string, progress: Progress, signal: AbortSignal): Promise<void>;
  /** Resolves with the site's URL when it answers as the entry wants it to: with its pages, or as one that rests. */
  waitUntilReady(site: WantedSite, signal: AbortSignal): Promise<string>;
  /** How the sites do that this provisioner can see; empty where it cannot see them. */
  health(): Promise<readonly SiteHealth[]>;
  /** Where a site's probe port answers. @throws Error where this provisioner cannot know */
  probeUrl(slug: string): Promise<string>;
  close(): Promise<void>;
}

/** Nobody changes sites through this platform. */
export class ProvisioningOff extends Error {
  readonly statusCode = 409;
  constructor() {
    super('Sites are made and changed in the registry’s repository here, not in the dashboard.');
    this.name = 'ProvisioningOff';
  }
}

/** A platform that shows sites and changes none. */
export const noProvisioner: Provisioner = {
  laneOf: () => 'none',
  laneOfSite: async () => 'none',
  check: refuse,
  create: refuse,
  change: refuse,
  apply: refuse,
  waitUntilReady: refuse,
  health: async () => [],
  probeUrl: refuse,
  close: async () => undefined,
};

async function refuse(): Promise<never> {
  throw new ProvisioningOff();
}

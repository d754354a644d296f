import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import type { EngineEnvironment } from '../../../scripts/engine/environment.ts';
import { PulumiProject } from './project.ts';
import type { EngineBed } from './start-engine.ts';

/** What a copy of this project is told, beside where its servers are. */
export interface FleetPlan {
  /** Regions with a cluster of PostgreSQL, which all are one server. @default eu alone */
  readonly regions?: readonly string[];
  /** Slugs that stay in the registry. @default all */
  readonly sites?: readonly string[];
  /** More settings of the stack, or others. */
  readonly settings?: Readonly<Record<string, unknown>>;
}

/** What the program finds the cluster of a bed by. */
export function environmentOn({ environment, kubernetes }: EngineBed): EngineEnvironment {
  return { ...environment, variables: { ...environment.variables, KUBECONFIG: kubernetes.kubeconfig } };
}

/**
 * Makes a copy of this project in a folder of a bed, with a stack that gives each site a database on the bed's servers; the
 * cluster of a region is called `<region>-1`.
 */
export async function copyFleetOnto(bed: EngineBed, folder: string, plan: FleetPlan = {}): Promise<PulumiProject> {
  const { regions = ['eu'], sites, settings } = plan;
  const { port, password } = bed.postgres;
  const server = { kind: 'external', host: '127.0.0.1', port, ssl: 'off', cidrs: ['10.0.0.0/8'] };
  const passwords = Object.fromEntries(regions.map((region) => [`${region}-1`, password]));
  const project = await PulumiProject.copyFleet(
    path.join(bed.dir, folder),
    environmentOn(bed),
    {
      databaseStrategy: 'database',
      baseDomain: 'sites.example.test',
      region: 'eu',
      clusters: regions.map((region) => ({ ...server, name: `${region}-1`, region })),
      images: { site: 'ghost-fleet/site:dev' },
      ...settings,
    },
    { 'ghost-fleet:clusterPasswords': JSON.stringify(passwords) },
  );
  if (sites !== undefined) await keepSites(path.join(project.dir, 'sites'), sites);
  return project;
}

async function keepSites(registry: string, sites: readonly string[]): Promise<void> {
  const files = (await readdir(registry)).filter((file) => file.endsWith('.yaml'));
  for (const file of files) if (!sites.includes(path.basename(file, '.yaml'))) await rm(path.join(registry, file));
}

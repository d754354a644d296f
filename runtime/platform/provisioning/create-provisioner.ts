import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { ProvisioningSettings } from '../config.ts';
import type { PlatformDatabase } from '../database/connection.ts';
import { GitProvisioner } from './git.ts';
import { GitCheckout } from './git-checkout.ts';
import { LocalProvisioner } from './local.ts';
import { noProvisioner, type Provisioner } from './provisioner.ts';
import { RemoteRepository } from './remote-repository.ts';
import { updateElsewhere, updateInCheckout } from './stack-update.ts';

/**
 * Makes what the settings name, ready for use.
 *
 * @param probeUrl where the sites' probe ports answer, with `{slug}`
 */
export async function createProvisioner(
  settings: ProvisioningSettings,
  database: PlatformDatabase,
  probeUrl: string | undefined,
): Promise<Provisioner> {
  switch (settings.kind) {
    case 'none':
      return noProvisioner;
    case 'local': {
      const local = new LocalProvisioner(settings, database);
      await local.start();
      return local;
    }
    case 'git': {
      const { checkout, remote, branch, folder, stack, shards } = settings;
      const tree = new GitCheckout({ dir: checkout, remote, branch, folder });
      return new GitProvisioner({ tree, stack, shards, update: updateInCheckout(checkout) }, database);
    }
    case 'repository': {
      const { stack, shards, ...repository } = settings;
      const tree = new RemoteRepository(await mkdtemp(path.join(tmpdir(), 'registry-')), repository);
      // In the cluster a site is ready before the world finds its address.
      const readyUrl = probeUrl && ((slug: string) => `${probeUrl.replace('{slug}', slug)}/readyz`);
      const args = { tree, stack, shards, update: updateElsewhere, ...(readyUrl ? { readyUrl } : {}) };
      return new GitProvisioner(args, database);
    }
  }
}

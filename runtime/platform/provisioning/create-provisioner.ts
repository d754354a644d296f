import type { ProvisioningSettings } from '../config.ts';
import type { PlatformDatabase } from '../database/connection.ts';
import { GitProvisioner } from './git.ts';
import { LocalProvisioner } from './local.ts';
import { noProvisioner, type Provisioner } from './provisioner.ts';

/** Makes what the settings name, ready for use. */
export async function createProvisioner(
  settings: ProvisioningSettings,
  database: PlatformDatabase,
): Promise<Provisioner> {
  if (settings.kind === 'none') return noProvisioner;
  if (settings.kind === 'git') return new GitProvisioner(settings, database);
  const local = new LocalProvisioner(settings, database);
  await local.start();
  return local;
}

import path from 'node:path';
import { LocalWorkspace, PulumiCommand, type Stack } from '@pulumi/pulumi/automation/index.js';
import type { EngineEnvironment } from './environment.ts';

/**
 * A stack of this project in the Automation API, run by the pinned engine.
 *
 * @param missing what to do where the backend does not know it
 * @throws StackNotFoundError
 */
export async function openStack(
  root: string,
  stackName: string,
  environment: EngineEnvironment,
  missing: 'fail' | 'create',
): Promise<Stack> {
  const pulumiCommand = await PulumiCommand.get({ root: path.join(root, '.tools') });
  const options = { envVars: environment.variables, pulumiCommand };
  const target = { stackName, workDir: root };
  return missing === 'create'
    ? LocalWorkspace.createOrSelectStack(target, options)
    : LocalWorkspace.selectStack(target, options);
}

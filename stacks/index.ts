import path from 'node:path';
import { RunError } from '@pulumi/pulumi';
import { RegistryError } from '../sites/registry.ts';
import { deployStack } from './program.ts';
import { StackSettingsError } from './settings.ts';

/** Pulumi.yaml's `main`: what it returns are the outputs of the stack. */
export default async function main(): Promise<Record<string, unknown>> {
  try {
    return await deployStack(path.dirname(import.meta.dirname));
  } catch (error) {
    // What is wrong in the registry or the settings says so itself; a stack trace would bury it.
    if (error instanceof RegistryError || error instanceof StackSettingsError) throw new RunError(error.message);
    throw error;
  }
}

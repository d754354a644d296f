import path from 'node:path';
import {
  CommandError,
  ConcurrentUpdateError,
  LocalWorkspace,
  PulumiCommand,
  type Stack,
} from '@pulumi/pulumi/automation/index.js';
import type { EngineEnvironment } from './environment.ts';
import { isLockedByDead } from './lock.ts';
import { loadProgram, whileEngineRuns } from './program.ts';

/**
 * A stack of this project in the Automation API, run by the pinned engine; its program runs in this process.
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
  // The engine answers while Node loads the program.
  const [stack, program] = await Promise.all([selectStack(root, stackName, environment, missing), loadProgram(root)]);
  stack.workspace.program = program;
  return stack;
}

async function selectStack(
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

/**
 * Updates a stack without a preview; the engine writes to this process's terminal. A lock whose owner was killed on this
 * machine is taken away first.
 *
 * @returns whether it succeeded; where it did not, the engine has said why
 */
export async function updateStack(stack: Stack): Promise<boolean> {
  // What the Automation API asks for after an update takes three more runs of the engine, and nobody reads the answers.
  Object.assign(stack, { outputs: async () => ({}), info: async () => undefined });
  const failure = await runUpdate(stack);
  if (failure === undefined) return true;
  if (!(failure instanceof ConcurrentUpdateError) || !isLockedByDead(failure.message)) return false;
  console.error(`${stack.name} is locked by an update that was killed: the lock is taken away`);
  await stack.cancel();
  return (await runUpdate(stack)) === undefined;
}

/** @returns how the engine failed, unless it did not */
async function runUpdate(stack: Stack): Promise<CommandError | undefined> {
  const onOutput = (text: string) => process.stdout.write(text);
  const onError = (text: string) => process.stderr.write(text);
  try {
    await whileEngineRuns((signal) => stack.up({ onOutput, onError, color: 'never', signal }));
    return undefined;
  } catch (error) {
    if (error instanceof CommandError) return error;
    throw error;
  }
}

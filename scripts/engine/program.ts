import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { PulumiFn } from '@pulumi/pulumi/automation/index.js';

/**
 * The program of Pulumi.yaml, to be run by this process. What it imports is loaded once for any number of previews and
 * updates, where Pulumi's language host would start another Node for each.
 *
 * @param root top level of the checkout
 */
export async function loadProgram(root: string): Promise<PulumiFn> {
  const { href } = pathToFileURL(path.join(root, 'stacks', 'index.ts'));
  const { default: program } = (await import(href)) as { default: PulumiFn };
  return program;
}

/**
 * Lets this process run the program while the engine works. Ctrl-C, which reaches the engine by itself, is left to it: it
 * ends its work in order and needs the program until then; SIGTERM is handed on as `signal`.
 */
export async function whileEngineRuns<Result>(run: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
  const { stackTraceLimit } = Error;
  const controller = new AbortController();
  const ignore = () => undefined;
  const abort = () => controller.abort();
  process.on('SIGINT', ignore);
  process.on('SIGTERM', abort);
  // As Pulumi.yaml has it: Pulumi takes a stack trace for every output.
  Error.stackTraceLimit = 0;
  try {
    return await run(controller.signal);
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
    process.off('SIGINT', ignore);
    process.off('SIGTERM', abort);
  }
}

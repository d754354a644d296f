import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import type { EngineEnvironment } from './environment.ts';

/**
 * Runs the Pulumi CLI on this process's terminal and hands signals on to it, so that it can end its work in order.
 *
 * @returns its exit code; 128 and the signal's number where one ended it
 */
export async function runPulumi(
  args: readonly string[],
  cwd: string,
  { variables }: EngineEnvironment,
): Promise<number> {
  const child = spawn('pulumi', [...args], { cwd, env: variables, stdio: 'inherit' });
  // Ctrl-C reaches the whole group by itself: two of them would make the engine abandon what it is doing.
  const ignore = () => undefined;
  const terminate = () => child.kill('SIGTERM');
  process.on('SIGINT', ignore);
  process.on('SIGTERM', terminate);
  try {
    return await new Promise<number>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
    });
  } finally {
    process.off('SIGINT', ignore);
    process.off('SIGTERM', terminate);
  }
}

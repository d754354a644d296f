import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { CommandResult } from './run-script.ts';

/** The container's own command, as the CronJob of a site calls it. */
export async function runBackupCommand(
  env: Readonly<Record<string, string>>,
  args: readonly string[],
): Promise<CommandResult> {
  const program = ['--disable-warning=ExperimentalWarning', 'runtime/container/main.ts', ...args];
  const variables = { PATH: process.env.PATH, NODE_ENV: 'production', ...env };
  try {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, program, { env: variables });
    return { exitCode: 0, stdout, stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { exitCode: code, stdout, stderr };
  }
}

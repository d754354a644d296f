import { $ } from 'zx';

/** What a command printed and how it ended. */
export interface CommandResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command from the repository's top level, without a terminal. */
export async function runCommand(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<CommandResult> {
  const shell = $({ nothrow: true, quiet: true, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  const { exitCode, stdout, stderr } = await shell`${command} ${args}`;
  return { exitCode: exitCode ?? 1, stdout, stderr };
}

/** Runs one of this project's TypeScript files under this very Node. */
export function runScript(
  file: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<CommandResult> {
  return runCommand(process.execPath, ['--disable-warning=ExperimentalWarning', file, ...args], env);
}

import { $ } from 'zx';

/** What a command printed and how it ended. */
export interface ScriptResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs one of this project's TypeScript files under this very Node, from the repository's top level, without a terminal. */
export async function runScript(
  file: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<ScriptResult> {
  const shell = $({ nothrow: true, quiet: true, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  const { exitCode, stdout, stderr } =
    await shell`${process.execPath} --disable-warning=ExperimentalWarning ${file} ${args}`;
  return { exitCode: exitCode ?? 1, stdout, stderr };
}

import { formatProblem, RegistryError } from '../sites/registry.ts';
import { StackSettingsError } from '../stacks/settings.ts';
import { UnavailableError } from './tools/unavailable.ts';

/** Something the caller of a command got wrong; the message says what was expected, a line a problem. */
export class UsageError extends Error {
  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.name = 'UsageError';
  }
}

/** Exit code of a configuration error, as sysexits has it. */
export const exitConfiguration = 78;

/** Exit code for something that the command needs and that cannot be had, as sysexits has it. */
const exitUnavailable = 69;

/**
 * Runs the main function of a command and turns what can go wrong in its input into lines on standard error and exit
 * code 78, what it cannot have into exit code 69. Anything else stays an exception.
 */
export async function runCommand(main: () => Promise<number>): Promise<void> {
  try {
    process.exitCode = await main();
  } catch (error) {
    if (error instanceof UnavailableError) {
      console.error(error.message);
      process.exitCode = exitUnavailable;
      return;
    }
    const lines = explain(error);
    if (lines === undefined) throw error;
    console.error(lines);
    process.exitCode = exitConfiguration;
  }
}

function explain(error: unknown): string | undefined {
  if (error instanceof RegistryError) return error.problems.map(formatProblem).join('\n');
  if (error instanceof StackSettingsError || error instanceof UsageError) return error.message;
  const code = (error as NodeJS.ErrnoException).code ?? '';
  // Ctrl-D at a question.
  if (code === 'ABORT_ERR') return 'interrupted: nothing was changed';
  // What node:util's parseArgs and the file system say names the argument or the path.
  return code.startsWith('ERR_PARSE_ARGS') || ['ENOENT', 'ENOTDIR', 'EACCES'].includes(code)
    ? (error as Error).message
    : undefined;
}

import { $ } from 'zx';

/** One command of a check: fails when it exits with anything but 0. */
export interface Step {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Runs the steps one after the other, all of them even when one fails, and prints the time of each.
 *
 * @returns the names of the steps that failed
 */
export async function runSteps(steps: readonly Step[]): Promise<string[]> {
  const failed: string[] = [];
  for (const step of steps) {
    const started = performance.now();
    const shell = $({ stdio: 'inherit', nothrow: true, env: { ...process.env, ...step.env } });
    const { exitCode } = await shell`${step.command} ${step.args}`;
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    console.log(`${exitCode === 0 ? 'ok    ' : 'FAILED'} ${step.name} (${seconds} s)`);
    if (exitCode !== 0) failed.push(step.name);
  }
  return failed;
}

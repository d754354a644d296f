import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { parse } from 'yaml';
import { listStacks } from '../stacks/settings.ts';
import { runCommand } from './command.ts';
import { withEngine } from './engine/checkout.ts';
import type { EngineEnvironment } from './engine/environment.ts';
import { runPulumi } from './engine/run.ts';

const usage = `usage: npm run pulumi -- <argument> ...

The pinned Pulumi CLI with the pinned providers: plain Pulumi, its exit code included. Where the environment names no
backend and no passphrase (PULUMI_BACKEND_URL, PULUMI_ACCESS_TOKEN, PULUMI_CONFIG_PASSPHRASE, …), state, passphrase and
plugins lie in .local/pulumi, and a stack that has settings in stacks/ is initialised there with its first command.

  npm run pulumi -- up -s dev --yes
  npm run pulumi -- help            Pulumi's own help`;

const root = path.resolve(import.meta.dirname, '..');
const stacksDir = path.join(root, 'stacks');

await runCommand(async () => {
  const args = process.argv.slice(2);
  if (args.length === 0 || (args.length === 1 && ['--help', '-h'].includes(args[0] ?? ''))) {
    console.log(usage);
    return 0;
  }
  return withEngine(root, async (environment) => {
    const stack = namedStack(args);
    if (stack !== undefined && args[0] !== 'stack' && (await isNew(stack, environment))) {
      const exitCode = await runPulumi(['stack', 'init', stack, '--no-select'], root, environment);
      if (exitCode !== 0) return exitCode;
    }
    return runPulumi(args, root, environment);
  });
});

/** The stack that `-s` or `--stack` names. */
function namedStack(args: readonly string[]): string | undefined {
  const at = args.findIndex((argument) => /^(-s|--stack)(=|$)/.test(argument));
  return at < 0 ? undefined : (args[at]?.split('=')[1] ?? args[at + 1]);
}

async function isNew(stack: string, { localState }: EngineEnvironment): Promise<boolean> {
  if (localState === undefined || !(await listStacks(stacksDir)).includes(stack)) return false;
  const project = parse(await readFile(path.join(root, 'Pulumi.yaml'), 'utf8')) as { name: string };
  return !existsSync(path.join(localState, '.pulumi', 'stacks', project.name, `${stack}.json`));
}

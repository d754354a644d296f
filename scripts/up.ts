import path from 'node:path';
import { createInterface } from 'node:readline/promises';
import { parseArgs } from 'node:util';
import { readStackSettings } from '../stacks/settings.ts';
import { runCommand, UsageError } from './command.ts';
import { withEngine } from './engine/checkout.ts';
import { openStack, updateStack } from './engine/stack.ts';
import { renderStack } from './preview/render.ts';
import { previewOpened } from './preview/resource-diff.ts';

const usage = `usage: npm run up -- --stack <name> [--yes]

Previews a stack, asks, and applies it through Pulumi's Automation API. What would lose data is refused: pulumi itself
can be told otherwise (npm run pulumi).

  --stack <name>   a stack that has settings in stacks/; it is initialised where it has no state yet
  --yes            do not ask

Exits 1 where the update failed or was declined, 78 where it is refused or the settings are wrong.`;

const root = path.resolve(import.meta.dirname, '..');

await runCommand(async () => {
  const { values } = parseArgs({
    options: {
      stack: { type: 'string' },
      yes: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const { stack } = values;
  if (stack === undefined) throw new UsageError(['--stack: expected the name of a stack; got none', '', usage]);
  await readStackSettings('stacks', stack);
  return withEngine(root, async (environment) => {
    const handle = await openStack(root, stack, environment, 'create');
    const diff = await previewOpened(handle);
    console.log(renderStack(diff));
    if ('missing' in diff) throw new UsageError([`${stack}: expected a preview; got ${diff.missing}`]);
    if ('refused' in diff) throw new UsageError([`${stack}: expected data to stay with its site; nothing was changed`]);
    const atRisk = diff.steps.filter(({ risk }) => risk !== undefined);
    if (atRisk.length > 0) {
      throw new UsageError(atRisk.map(({ type, name, risk }) => `${type} ${name}: expected to be kept; ${risk}`));
    }
    if (diff.steps.length === 0) return 0;
    if (!values.yes && !(await confirmed(stack))) return 1;
    return (await updateStack(handle)) ? 0 : 1;
  });
});

async function confirmed(stack: string): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return /^y(es)?$/i.test((await terminal.question(`apply this to ${stack}? [y/N] `)).trim());
  } finally {
    terminal.close();
  }
}

import { parseArgs } from 'node:util';
import { runSteps } from './checks/steps.ts';

const usage = `usage: npm run check [-- --fix]

Types, lint, format, registry, unit and policy tests: the fast part of npm test.

  --fix   let the linter and formatter rewrite files`;

const { values } = parseArgs({ options: { fix: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } } });
if (values.help) {
  console.log(usage);
} else {
  const failed = await runSteps([
    { name: 'types', command: 'tsc', args: ['-p', '.'] },
    { name: 'lint and format', command: 'biome', args: ['check', ...(values.fix ? ['--write'] : []), '.'] },
    { name: 'registry', command: 'node', args: ['scripts/site-check.ts'] },
    {
      name: 'unit and policy tests',
      command: 'vitest',
      args: ['run', '--project', 'unit', '--project', 'policy'],
    },
  ]);
  process.exitCode = failed.length > 0 ? 1 : 0;
}

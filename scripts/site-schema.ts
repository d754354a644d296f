import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { createSiteJsonSchema } from '../sites/schema.ts';
import { runCommand } from './command.ts';

const usage = `usage: npm run site:schema

Writes sites/site.schema.json, the JSON Schema that editors read, from sites/schema.ts.`;

await runCommand(async () => {
  const { values } = parseArgs({ options: { help: { type: 'boolean', short: 'h' } } });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  await writeFile('sites/site.schema.json', `${JSON.stringify(createSiteJsonSchema(), null, 2)}\n`);
  return 0;
});

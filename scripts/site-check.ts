import { parseArgs } from 'node:util';
import { loadRegistry, RegistryError } from '../sites/registry.ts';
import { runCommand } from './command.ts';
import { clustersOf, readStacks } from './registry/clusters.ts';

const usage = `usage: npm run site:check [-- --sites <dir>] [--stack <name>]

Validates every site of the registry and prints every problem at once, as file:line path: expected …; got …
Exits 78 when there are problems. Writes nothing.

  --sites <dir>    another registry (default: sites)
  --stack <name>   check clusters and regions against this stack alone (default: all stacks)`;

await runCommand(async () => {
  const { values } = parseArgs({
    options: {
      sites: { type: 'string', default: 'sites' },
      stack: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const clusters = clustersOf(await readStacks(values.stack));
  const { sites, problems } = await loadRegistry(values.sites, { clusters });
  if (problems.length > 0) throw new RegistryError(problems);
  const creators = new Set(sites.map((site) => site.creator)).size;
  const domains = sites.reduce((count, site) => count + site.domains.length, 0);
  console.log(`${values.sites}: ${sites.length} sites of ${creators} creators with ${domains} domains, no problems`);
  return 0;
});

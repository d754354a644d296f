import path from 'node:path';
import { parseArgs } from 'node:util';
import { dataMoveRemedy } from '../sites/data-move.ts';
import { loadRegistry, RegistryError, type RegistryProblem } from '../sites/registry.ts';
import { runCommand } from './command.ts';
import { compareRegistry } from './preview/registry-diff.ts';
import { clustersOf, readStacks } from './registry/clusters.ts';
import { findMoves } from './registry/moves.ts';

const usage = `usage: npm run site:check [-- --sites <dir>] [--stack <name>] [--base <ref>]

Validates every site of the registry and prints every problem at once, as file:line path: expected …; got …
Exits 78 when there are problems. Writes nothing.

  --sites <dir>    another registry (default: sites)
  --stack <name>   check clusters and regions against this stack alone (default: all stacks)
  --base <ref>     refuse sites whose data would stay behind: at another strategy or cluster than at this commit`;

await runCommand(async () => {
  const { values } = parseArgs({
    options: {
      sites: { type: 'string', default: 'sites' },
      stack: { type: 'string' },
      base: { type: 'string' },
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
  const moves = values.base === undefined ? [] : await checkMoves(values.base, values.sites);
  if (moves.length > 0) throw new RegistryError(moves);
  const creators = new Set(sites.map((site) => site.creator)).size;
  const domains = sites.reduce((count, site) => count + site.domains.length, 0);
  console.log(`${values.sites}: ${sites.length} sites of ${creators} creators with ${domains} domains, no problems`);
  return 0;
});

async function checkMoves(base: string, dir: string): Promise<RegistryProblem[]> {
  const { before, after } = await compareRegistry(base, dir, path.resolve(import.meta.dirname, '..'));
  return findMoves(before, after).map(({ slug, stacks, from, to }) => ({
    file: `${dir}/${slug}.yaml`,
    line: 1,
    path: 'database',
    expected: `${from} in ${stacks.join(', ')}, where the data is at ${base}`,
    got: `${to}: ${dataMoveRemedy}`,
  }));
}

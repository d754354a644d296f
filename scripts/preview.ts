import path from 'node:path';
import { parseArgs } from 'node:util';
import { requireRegistry } from '../sites/registry.ts';
import { type StackSettings, shardStackName } from '../stacks/settings.ts';
import { runCommand, UsageError } from './command.ts';
import { withEngine } from './engine/checkout.ts';
import { type SiteStory, tellStories } from './preview/describe.ts';
import { compareRegistry } from './preview/registry-diff.ts';
import { isAtRisk, type Preview, renderMarkdown, renderTerminal } from './preview/render.ts';
import { previewStack, type StackDiff } from './preview/resource-diff.ts';
import { clustersOf, readStacks } from './registry/clusters.ts';

const usage = `usage: npm run preview -- [--base <ref>] [--stack <name> ...] [--format terminal|markdown|json] [--list-stacks]

Says what the change from a commit to the working tree means: for each site of the registry in plain words, then the
resources of the stacks that those sites live in. Changes nothing. Where a stack has no state here, or its cluster cannot
be reached, the registry's part is printed and the missing part named.

  --base <ref>      what to compare with (default: main)
  --stack <name>    only these stacks (default: those in which the changed sites live)
  --format <name>   default: terminal
  --list-stacks     print the names of the stacks that an update would have to go to, as JSON, and preview nothing: those
                    of the changed sites, or all where the program itself changed

Exits 1 where data would be lost or stay behind, 78 where the registry or the settings are wrong.`;

const formats = ['terminal', 'markdown', 'json'];
const root = path.resolve(import.meta.dirname, '..');

await runCommand(async () => {
  const { values } = parseArgs({
    options: {
      base: { type: 'string', default: 'main' },
      stack: { type: 'string', multiple: true },
      format: { type: 'string', default: 'terminal' },
      'list-stacks': { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  if (!formats.includes(values.format)) {
    throw new UsageError([`--format: expected one of ${formats.join(', ')}; got ${JSON.stringify(values.format)}`]);
  }
  const settings = await readStacks(undefined);
  const { sites } = await requireRegistry('sites', { clusters: clustersOf(settings) });
  const change = await compareRegistry(values.base, 'sites', root, { sites, stacks: settings });
  const stories = tellStories(change);
  if (values['list-stacks']) {
    const touched = change.program.length > 0 ? settings.map(({ stack }) => stack) : stacksOf(stories, settings);
    console.log(JSON.stringify(touched.sort()));
    return 0;
  }
  const names = values.stack ?? stacksOf(stories, settings);
  const stacks: StackDiff[] = [];
  if (names.length > 0) {
    await withEngine(root, async (environment) => {
      for (const name of names) stacks.push(await previewStack(root, name, environment));
    });
  }
  const preview: Preview = { base: values.base, stories, program: change.program, stacks };
  console.log(render(preview, values.format));
  return isAtRisk(preview) ? 1 : 0;
});

function render(preview: Preview, format: string): string {
  if (format === 'json') return JSON.stringify(preview, null, 2);
  return format === 'markdown' ? renderMarkdown(preview) : renderTerminal(preview);
}

/** Stacks in which some sites live, in every environment. */
function stacksOf(stories: readonly SiteStory[], settings: readonly StackSettings[]): string[] {
  const names = settings
    .filter(({ shard }) => shard === undefined)
    .flatMap(({ stack, shards }) =>
      stories
        .flatMap((story) => story.shards)
        .map((shard) => (shards === 0 || shard === undefined ? stack : shardStackName(stack, shard))),
    );
  return [...new Set(names)];
}

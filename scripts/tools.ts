import path from 'node:path';
import { parseArgs } from 'node:util';
import { runCommand, UsageError } from './command.ts';
import { installTools } from './tools/install.ts';
import { type ToolSetName, toolSets } from './tools/manifest.ts';

const usage = `usage: npm run tools [-- <set> ...]

Puts the pinned tools into .tools/bin and .tools/plugins: from PATH where the version fits, else the official download,
else built from the Go module proxy. scripts/tools/manifest.ts pins them. Silent when they are there; also asks again
for downloads that could not be had before.

  engine            the Pulumi CLI and the providers of the stacks
  api-server        etcd, kube-apiserver and kube-controller-manager, for the engine tests
  fake-nodes        kube-scheduler and kwok, for npm run bench -- scale
  kubectl           kubectl
  process-cluster   the programs of npm run cluster -- up --driver process
  kind-cluster      kind and kubectl

Without a set: engine and api-server, which npm test needs.`;

await runCommand(async () => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { help: { type: 'boolean', short: 'h' } },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const wrong = positionals.filter((name) => !(name in toolSets));
  if (wrong.length > 0) {
    throw new UsageError([`expected sets out of ${Object.keys(toolSets).join(', ')}; got ${wrong.join(', ')}`]);
  }
  const sets = positionals.length > 0 ? (positionals as ToolSetName[]) : (['engine', 'api-server'] as const);
  await installTools({ root: path.resolve(import.meta.dirname, '..'), sets, retryDownloads: true });
  return 0;
});

import path from 'node:path';
import { parseArgs } from 'node:util';
import { $ } from 'zx';
import { runCommand, UsageError } from './command.ts';
import { StateDir } from './fleet/state-dir.ts';
import { findProgram } from './services/debian-packages.ts';
import { type ClusterObject, clusterKinds, clusterSelector, readCluster } from './status/cluster.ts';
import { readLocalFleet } from './status/local.ts';
import { formatRows, type StatusRow } from './status/row.ts';
import { UnavailableError } from './tools/unavailable.ts';

const usage = `usage: npm run site:status [-- [<slug>] [--context <name>] [--sites <dir>] [--json]]

Shows what each site is doing: state, version of Ghost (in a cluster the image), database, replicas, restarts, the newest
backup, URL. Without a context the local fleet; exits 1 when a site that should run is not ready.

  --context <name>    a cluster of the kubeconfig (KUBECONFIG), as kubectl names it; "current" for its current context
  --sites <dir>       another registry of the local fleet (default: sites)
  --json              for programs
  GHOST_FLEET_STATE   folder of the local fleet's state (default: .local)`;

await runCommand(async () => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      context: { type: 'string' },
      sites: { type: 'string', default: 'sites' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  if (positionals.length > 1) throw new UsageError([`expected one slug at most; got ${positionals.join(' ')}`]);
  const [slug] = positionals;
  const all = values.context === undefined ? await readLocal(values.sites) : await readContext(values.context);
  const rows = all.filter(({ site }) => slug === undefined || site === slug);
  if (slug !== undefined && rows.length === 0)
    throw new UsageError([`expected one of ${all.map(({ site }) => site).join(', ') || 'no sites'}; got ${slug}`]);
  console.log(values.json ? JSON.stringify(rows, null, 2) : formatRows(rows));
  return rows.every(({ state }) => ['ready', 'paused', 'suspended'].includes(state)) ? 0 : 1;
});

async function readLocal(sitesDir: string): Promise<StatusRow[]> {
  const { running, rows, problems } = await readLocalFleet(
    sitesDir,
    new StateDir(path.resolve(process.env.GHOST_FLEET_STATE || '.local')),
  );
  for (const problem of problems) console.error(problem);
  if (!running) console.error('the local fleet is stopped (npm start)');
  return rows;
}

async function readContext(context: string): Promise<StatusRow[]> {
  const tools = path.resolve(import.meta.dirname, '../.tools/bin');
  const kubectl = findProgram({ commands: ['kubectl', path.join(tools, 'kubectl')] });
  if (kubectl === undefined)
    throw new UnavailableError('expected kubectl on PATH or in .tools/bin (npm run tools -- cluster)');
  const choice = context === 'current' ? [] : ['--context', context];
  const args = ['get', clusterKinds, '--all-namespaces', `--selector=${clusterSelector}`, '--output=json'];
  const found = await $({ quiet: true, nothrow: true })`${kubectl} ${choice} --request-timeout=30s ${args}`;
  if (found.exitCode !== 0) throw new UnavailableError(found.stderr.trim());
  return readCluster((JSON.parse(found.stdout) as { items: ClusterObject[] }).items);
}

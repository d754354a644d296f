import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline/promises';
import { parseArgs } from 'node:util';
import { checkCandidate, formatSite, titleOf, writeCandidate } from '../sites/candidate.ts';
import { planKeys } from '../sites/plans.ts';
import type { SiteInput } from '../sites/schema.ts';
import { runCommand, UsageError } from './command.ts';
import { clustersOf, readStacks } from './registry/clusters.ts';

const usage = `usage: npm run site:add -- <slug> --creator <e-mail> --domain <host> [--domain <host> ...] --plan <plan>
                           [--title <title>] [--region <region>] [--theme <theme>] [--sites <dir>] [--stack <name>] [--yes]

Writes <dir>/<slug>.yaml once the whole registry accepts it. Asks for what is missing and for confirmation on a terminal.

  --title <title>   default: made of the slug
  --sites <dir>     another registry (default: sites)
  --stack <name>    check clusters and regions against this stack alone, and take its shards (default: all stacks)
  --yes             do not ask`;

await runCommand(async () => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      creator: { type: 'string' },
      domain: { type: 'string', multiple: true },
      plan: { type: 'string' },
      title: { type: 'string' },
      region: { type: 'string' },
      theme: { type: 'string' },
      sites: { type: 'string', default: 'sites' },
      stack: { type: 'string' },
      yes: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  if (positionals.length > 1) throw new UsageError([`expected one slug; got ${positionals.join(' ')}`]);
  const terminal = process.stdin.isTTY && process.stdout.isTTY && !values.yes;
  const ask = terminal ? createInterface({ input: process.stdin, output: process.stdout }) : undefined;
  try {
    const answer = async (given: string | undefined, question: string) =>
      given ?? (await ask?.question(`${question}: `))?.trim();
    const slug = await answer(positionals[0], 'slug');
    const creator = await answer(values.creator, "creator's e-mail");
    const domains =
      values.domain ?? (await answer(undefined, 'domains, the canonical one first'))?.split(/[\s,]+/).filter(Boolean);
    const plan = await answer(values.plan, `plan (${planKeys.join(', ')})`);
    const missing = Object.entries({ '<slug>': slug, '--creator': creator, '--domain': domains?.[0], '--plan': plan });
    const problems = missing.filter(([, value]) => !value).map(([name]) => `${name}: expected a value; got none`);
    if (!slug || !creator || !domains || !plan || problems.length > 0) throw new UsageError([...problems, '', usage]);

    const stacks = await readStacks(values.stack);
    const shards = Math.max(...stacks.map((stack) => stack.shards));
    const input = {
      slug,
      creator,
      title: values.title ?? titleOf(slug),
      domains,
      plan: plan as SiteInput['plan'],
      ...(values.region === undefined ? {} : { region: values.region }),
      ...(values.theme === undefined ? {} : { theme: values.theme }),
    };
    await mkdir(values.sites, { recursive: true });
    const checked = await checkCandidate(values.sites, input, { clusters: clustersOf(stacks), shards });
    const file = path.join(values.sites, `${checked.slug}.yaml`);
    const text = formatSite(checked);
    if (ask !== undefined) {
      const confirmed = /^y(es)?$/i.test((await ask.question(`${text}\nwrite ${file}? [y/N] `)).trim());
      if (!confirmed) {
        console.log('nothing was written');
        return 1;
      }
    }
    await writeCandidate(values.sites, checked);
    console.log(`wrote ${file}`);
    return 0;
  } finally {
    ask?.close();
  }
});

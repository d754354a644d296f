import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { unlessInterrupted } from './bench/interruption.ts';
import { printMachine } from './bench/measure.ts';
import { runCommand, UsageError } from './command.ts';

const usage = `usage: npm run bench -- <name> [option ...]

Measures and prints a table of ratios, with the machine and the settings named. Figures are whole runs side by side on
this machine; compare the ratios, not the seconds of two machines.

  start        a warm fleet of three sites to all ready, against stock Ghost alone
  create       a new site of the dashboard's form, from the click to its first page
  clone        a new site's first start: cloned from the template of its Ghost, against initialised by Ghost
  database     Ghost on SQLite, MariaDB and PostgreSQL with the same data, row by row
  preview      what preview and up of one site cost among ten and a thousand, and by the size of a shard
  scale        a thousand sites by pulumi up of their shards, on a real Kubernetes API with fake nodes
  analytics    a visit of every site of a fleet, each with a database of its own: seconds, and whether all is right
  dashboard    what the pages of the platform's dashboard take from its database
  projections  what the design expects of databases, users, platform and Redis: met, or by what factor not`;

/** Every file in scripts/bench that exports `run` is a bench; one that promises something has an exit code. */
interface Bench {
  run?(args: readonly string[]): Promise<unknown>;
}

await runCommand(async () => {
  const [name, ...args] = process.argv.slice(2);
  if (name === '--help' || name === '-h') {
    console.log(usage);
    return 0;
  }
  const dir = path.join(import.meta.dirname, 'bench');
  const names = (await readdir(dir)).filter((file) => file.endsWith('.ts')).map((file) => file.slice(0, -3));
  const found = names.find((candidate) => candidate === name);
  const bench = found === undefined ? undefined : ((await import(path.join(dir, `${found}.ts`))) as Bench);
  if (bench?.run === undefined)
    throw new UsageError([`expected the name of a bench; got ${name ?? 'nothing'}`, '', usage]);
  printMachine();
  const exitCode = await unlessInterrupted(bench.run(args));
  return typeof exitCode === 'number' ? exitCode : 0;
});

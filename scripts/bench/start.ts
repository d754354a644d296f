import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { freePort } from '../services/postgres.ts';
import { end, LocalFleet, waitFor } from './local-fleet.ts';
import { printTable, spreadOf } from './measure.ts';

/**
 * `npm start` with three SQLite sites that have data, to all ready, against stock Ghost alone on such a database; in
 * turn, one pair after the other, so that a machine that slows down slows both.
 */
export async function run(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({ args: [...args], options: { rounds: { type: 'string', default: '5' } } });
  const rounds = Number(values.rounds);
  const dir = await mkdtemp(path.join(tmpdir(), 'ghost-fleet-bench-'));
  try {
    // The first start of each makes the data.
    await timeFleet(dir);
    await timeStockGhost(dir);
    const fleet: number[] = [];
    const stock: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      fleet.push(await timeFleet(dir));
      stock.push(await timeStockGhost(dir));
    }
    const ratios = fleet.map((seconds, at) => seconds / (stock[at] ?? Number.NaN));
    console.log(
      `settings: 3 sites on SQLite with data, warm cache, ${rounds} rounds in turn, seconds to the first 200 of every site`,
    );
    const row = (name: string, figures: readonly number[]) => {
      const { min, median, max } = spreadOf(figures);
      return [name, min, median, max];
    };
    printTable(
      ['', 'min', 'median', 'max'],
      [
        row('npm start, 3 sites (s)', fleet),
        row('stock Ghost alone (s)', stock),
        row('ratio, pair by pair', ratios),
        row(
          'ratio a site',
          ratios.map((ratio) => ratio / 3),
        ),
      ],
    );
  } finally {
    await rm(dir, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function timeFleet(dir: string): Promise<number> {
  const started = performance.now();
  const fleet = await LocalFleet.start(path.join(dir, 'state'));
  await fleet.ready();
  const seconds = (performance.now() - started) / 1000;
  await fleet.stop();
  return seconds;
}

/** The package's own `index.js`, as its documentation starts it. */
async function timeStockGhost(dir: string): Promise<number> {
  const port = await freePort();
  const content = path.join(dir, 'state/sites/aurora-letters');
  const started = performance.now();
  const child = spawn(process.execPath, ['index.js'], {
    cwd: path.resolve('.tools/ghost'),
    env: {
      PATH: process.env.PATH,
      NODE_ENV: 'production',
      url: `http://localhost:${port}`,
      server__port: String(port),
      database__client: 'better-sqlite3',
      database__connection__filename: path.join(dir, 'stock.db'),
      paths__contentPath: content,
      logging__transports: '["stdout"]',
    },
    stdio: 'ignore',
    detached: true,
  });
  await waitFor(child, async () => (await fetch(`http://localhost:${port}/ghost/api/admin/site/`)).status === 200);
  const seconds = (performance.now() - started) / 1000;
  await end(child, 'SIGTERM');
  return seconds;
}

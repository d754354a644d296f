import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { manualDriver } from './billing/drivers/manual.ts';
import { renderPdf } from './billing/render-pdf.ts';
import { readPlatformConfig } from './config.ts';
import { PlatformDatabase } from './database/connection.ts';
import { createLocalMailer } from './mail.ts';
import { noProvisioner } from './provisioning/provisioner.ts';
import { createQueue } from './queue/create-queue.ts';
import { createVolatileStores } from './volatile/create-volatile-stores.ts';
import { createServer } from './web/server.ts';

/**
 * Asks an image, while it is built, whether it works without what was left out of it: every module by loading it, the
 * program by its usage, pages and their files by serving them, PostgreSQL by the driver's own refusal of a port where
 * nobody listens, a document by making one.
 */
async function main(): Promise<void> {
  const modules = await loadModules();
  testProgram();
  await testServer();
  await testDocument();
  console.log(`self-test: ${modules} modules, pages and documents work`);
}

async function loadModules(): Promise<number> {
  const files = readdirSync(import.meta.dirname, { recursive: true, encoding: 'utf8' });
  const modules = files.filter((file) => file.endsWith('.ts') && !['main.ts', 'self-test.ts'].includes(file));
  for (const file of modules) await import(path.join(import.meta.dirname, file));
  return modules.length;
}

function testProgram(): void {
  const program = path.join(import.meta.dirname, 'main.ts');
  const { status, stderr } = spawnSync(process.execPath, [...process.execArgv, program], { encoding: 'utf8' });
  if (status !== 78 || !stderr.includes('usage: '))
    throw new Error(`main.ts: expected its usage and 78; got ${status}\n${stderr}`);
}

async function testServer(): Promise<void> {
  const config = readPlatformConfig({
    PLATFORM_URL: 'http://platform.localhost:3000',
    SESSION_SECRET: 'of nobody, since nobody signs in here',
    // Port 1 of this machine: refused at once.
    DATABASE_HOST: '127.0.0.1',
    DATABASE_PORT: '1',
    DATABASE_PASSWORD: 'p',
  });
  const log = () => undefined;
  const database = new PlatformDatabase(config.database);
  const stores = createVolatileStores();
  const queue = createQueue({ database, log });
  const app = await createServer({
    ...{ config, database, stores, queue, log, provisioner: noProvisioner },
    mailer: createLocalMailer(log),
    drivers: { manual: manualDriver },
    now: () => new Date(),
  });
  const get = async (url: string, status: number, body: string) => {
    const answer = await app.inject(url);
    if (answer.statusCode === status && answer.body.includes(body)) return;
    throw new Error(`${url}: expected ${status} with ${body}; got ${answer.statusCode} ${answer.body.slice(0, 400)}`);
  };
  try {
    await get('/sign-in', 200, '<!doctype html>');
    await get('/assets/uplot.js', 200, 'uPlot');
    await get('/assets/style.css', 200, ':root');
    await get('/readyz', 503, '"database":"away"');
  } finally {
    await app.close();
    await queue.close();
    await stores.close();
    await database.close();
  }
}

async function testDocument(): Promise<void> {
  const pdf = await renderPdf({
    ...{ title: 'Invoice', number: 'X-1', issuedAt: new Date(0), facts: [], seller: ['Łódź'], buyer: [], notes: [] },
    lines: [{ site: 'x', description: 'Nothing', amount: '0.00 EUR' }],
    totals: [['Total', '0.00 EUR']],
  });
  if (pdf.subarray(0, 5).toString() !== '%PDF-') throw new Error('documents: expected a PDF');
}

await main();
// Timers of libraries keep nobody waiting.
process.exit();

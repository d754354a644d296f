import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { runSteps, type Step } from './checks/steps.ts';
import { prepareProcessCluster } from './cluster/process/driver.ts';
import { buildImage } from './image/build.ts';
import { type ImageName, images } from './image/definitions.ts';
import { chromium, ensureProgram, mariadb, pgbouncer, redis, runc } from './services/debian-packages.ts';
import { installTools } from './tools/install.ts';
import { UnavailableError } from './tools/unavailable.ts';

const usage = `usage: npm test [-- --project <name> ...]

Everything that proves this project: types, lint, the registry, then the tests by kind of proof. What a group needs from
the operating system is installed where that is allowed; otherwise the group is skipped, loudly, and under CI=true that
is a failure.

  --project <name>   only these groups, without types and lint: unit, policy, runtime, platform, fleet, engine, image,
                     cluster, browser`;

const root = path.resolve(import.meta.dirname, '..');

/** The groups in the order they run: the quick ones first, so that a mistake shows soon. */
const groups = ['unit', 'policy', 'runtime', 'platform', 'fleet', 'engine', 'image', 'cluster', 'browser'] as const;

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { project: { type: 'string', multiple: true }, help: { type: 'boolean', short: 'h' } },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const unknown = (values.project ?? []).filter((name) => !groups.some((group) => group === name));
  if (unknown.length > 0) {
    console.error(`--project: expected ${groups.join(', ')}; got ${unknown.join(', ')}`);
    return 78;
  }
  const chosen = groups.filter((group) => values.project === undefined || values.project.includes(group));

  const skipped: string[] = [];
  const env: Record<string, string> = {};
  if (chosen.some(usesBrowser)) {
    const browser = await ensureProgram(chromium);
    const missing = 'Chromium is not on PATH and could not be installed (Debian package chromium, as root)';
    if (browser) env.CHROMIUM_PATH = browser;
    else skipped.push(...chosen.filter(usesBrowser).map((group) => `${group}: ${missing}`));
  }
  const services = {
    runtime: { MariaDB: mariadb, Redis: redis, PgBouncer: pgbouncer },
    platform: { Redis: redis, PgBouncer: pgbouncer },
  };
  for (const [group, programs] of Object.entries(services)) {
    if (!chosen.some((name) => name === group)) continue;
    for (const [name, program] of Object.entries(programs)) {
      if ((await ensureProgram(program)) !== undefined) continue;
      const { debianPackage } = program;
      skipped.push(
        `${group} with ${name}: it is not on PATH and could not be installed (Debian package ${debianPackage}, as root)`,
      );
    }
  }
  if (chosen.includes('runtime')) {
    const missing = await whatIsMissing(() => installTools({ root, sets: ['object-storage'] }));
    if (missing !== undefined) skipped.push(`runtime with S3: ${missing}`);
  }
  if (chosen.includes('platform')) {
    const missing = await whatIsMissing(() => installTools({ root, sets: ['payment-service'] }));
    if (missing !== undefined) skipped.push(`platform with Stripe: ${missing}`);
  }
  if (chosen.includes('engine')) {
    const missing = await whatIsMissing(() => installTools({ root, sets: ['engine', 'api-server'] }));
    if (missing !== undefined) skipped.push(`engine: ${missing}`);
  }
  if (chosen.includes('cluster') || chosen.includes('image')) {
    // The images are what both run.
    const missing = await whatIsMissing(async () => {
      env.SITE_IMAGE_ARCHIVE = await archiveOf('site');
      env.PLATFORM_IMAGE_ARCHIVE = await archiveOf('platform');
    });
    if (missing !== undefined) skipped.push(...['image', 'cluster'].map((group) => `${group}: ${missing}`));
  }
  if (chosen.includes('cluster')) {
    const missing = await whatIsMissing(async () => {
      await prepareProcessCluster(root);
      await installTools({ root, sets: ['engine', 'object-storage'] });
    });
    if (missing !== undefined) skipped.push(`cluster: ${missing}`);
  }

  const failed: string[] = [];
  if (values.project === undefined) {
    failed.push(
      ...(await runSteps([
        { name: 'types', command: 'tsc', args: ['-p', '.'] },
        { name: 'lint and format', command: 'biome', args: ['check', '.'] },
        { name: 'registry', command: 'node', args: ['scripts/site-check.ts'] },
      ])),
    );
  }
  const reports = await mkdtemp(path.join(tmpdir(), 'ghost-fleet-test-'));
  const counts: Counts = { passed: 0, failed: 0, skipped: 0 };
  try {
    for (const group of chosen) {
      if (skipped.some((reason) => reason.startsWith(`${group}:`))) continue;
      const report = path.join(reports, `${group}.json`);
      failed.push(...(await runSteps([vitestStep(group, report, env)])));
      add(counts, await readCounts(report));
    }
  } finally {
    await rm(reports, { recursive: true, force: true });
  }

  for (const reason of skipped) console.log(`SKIPPED ${reason}`);
  if (skipped.length > 0 && process.env.CI === 'true') failed.push('nothing may be skipped under CI=true');
  for (const name of failed) console.log(`FAILED  ${name}`);
  console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
  return failed.length === 0 && counts.failed === 0 && counts.passed > 0 ? 0 : 1;
}

function usesBrowser(group: (typeof groups)[number]): boolean {
  return group === 'browser' || group === 'cluster';
}

/** Gets what a group takes; says what cannot be had. */
async function whatIsMissing(prepare: () => Promise<unknown>): Promise<string | undefined> {
  try {
    await prepare();
    return undefined;
  } catch (error) {
    if (error instanceof UnavailableError) return error.message;
    throw error;
  }
}

/**
 * Builds an image.
 *
 * @returns the path of its archive
 * @throws UnavailableError
 */
async function archiveOf(name: ImageName): Promise<string> {
  if (process.getuid?.() !== 0) throw new UnavailableError('only root runs the root of an image');
  if ((await ensureProgram(runc)) === undefined) {
    throw new UnavailableError('runc is not on PATH and could not be installed (Debian package runc, as root)');
  }
  const tag = `ghost-fleet/${name}:dev`;
  return (await buildImage({ root, image: images[name], tag, ghostVersion: undefined, base: undefined })).archive;
}

function vitestStep(group: string, report: string, env: Record<string, string>): Step {
  const args = ['run', '--project', group, '--reporter=default', '--reporter=json'];
  return { name: `${group} tests`, command: 'vitest', args: [...args, `--outputFile.json=${report}`], env };
}

async function readCounts(report: string): Promise<Counts> {
  try {
    const json = JSON.parse(await readFile(report, 'utf8')) as Record<string, number>;
    return {
      passed: json.numPassedTests ?? 0,
      failed: json.numFailedTests ?? 0,
      skipped: (json.numPendingTests ?? 0) + (json.numTodoTests ?? 0),
    };
  } catch {
    // The group ended before it could report: its step has failed already.
    return { passed: 0, failed: 0, skipped: 0 };
  }
}

function add(total: Counts, part: Counts): void {
  total.passed += part.passed;
  total.failed += part.failed;
  total.skipped += part.skipped;
}

process.exitCode = await main();

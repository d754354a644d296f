import { execFileSync, spawn } from 'node:child_process';
import { appendFile, cp, mkdir, symlink } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { $ } from 'zx';
import { useEngineBed } from '../support/engine/bed.ts';
import { installGatewayApi } from '../support/engine/gateway-api.ts';

const bed = useEngineBed();
const slugs = ['aurora-letters', 'harbour-notes', 'slow-kitchen'];
const added = 'night-trains';
let clone: string;

/** A clone of this project as it stands, its packages and tools taken from here, so that nothing is installed twice. */
beforeAll(async () => {
  await installGatewayApi(bed.kubernetes.api);
  clone = path.join(bed.dir, 'clone');
  const list = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { encoding: 'utf8' });
  for (const file of list.trim().split('\n')) {
    await mkdir(path.dirname(path.join(clone, file)), { recursive: true });
    await cp(file, path.join(clone, file));
  }
  await cp('.tools', path.join(clone, '.tools'), { recursive: true, verbatimSymlinks: true });
  await symlink(path.resolve('node_modules'), path.join(clone, 'node_modules'));
  await run('git', 'init', '--quiet', '--initial-branch', 'main');
  await appendFile(path.join(clone, '.git', 'info', 'exclude'), 'node_modules\n');
  await commit('the clone');
});

interface Outcome {
  readonly exitCode: number | null;
  readonly output: string;
}

function environment(): NodeJS.ProcessEnv {
  const { PATH, HOME, GHOST_FLEET_CACHE } = process.env;
  return { PATH, HOME, GHOST_FLEET_CACHE, KUBECONFIG: bed.kubernetes.kubeconfig, NO_COLOR: '1' };
}

async function run(command: string, ...args: readonly string[]): Promise<Outcome> {
  const shell = $({ cwd: clone, env: environment(), nothrow: true, quiet: true, stdio: ['ignore', 'pipe', 'pipe'] });
  const { exitCode, stdout, stderr } = await shell`${command} ${args}`;
  return { exitCode, output: stdout + stderr };
}

async function commit(message: string): Promise<void> {
  await run('git', 'add', '--all');
  const person = ['-c', 'user.name=ops', '-c', 'user.email=ops@example.com'];
  expect((await run('git', ...person, 'commit', '--quiet', '--message', message)).exitCode).toBe(0);
}

const npm = (...args: readonly string[]) => run('npm', 'run', '--silent', ...args);
const deploymentOf = (slug: string) =>
  bed.kubernetes.api
    .send('GET', `/apis/apps/v1/namespaces/site-${slug}/deployments/ghost`)
    .then((deployment) => (deployment.metadata as { name: string }).name)
    .catch((error: Error) => error.message);

const namespaceIsThere = (slug: string) =>
  bed.kubernetes.api.send('GET', `/api/v1/namespaces/site-${slug}`).then(
    () => true,
    () => false,
  );

/** Starts a command as a terminal does, in a group of its own, and sends the group a signal at the moment that `reached` says. */
async function signalWhen(
  signal: 'SIGINT' | 'SIGKILL',
  reached: () => Promise<boolean>,
  command: string,
  ...args: readonly string[]
): Promise<Outcome> {
  const child = spawn(command, args, {
    cwd: clone,
    env: environment(),
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk;
    });
  }
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  for (const deadline = Date.now() + 120_000; child.exitCode === null && !(await reached()); await sleep(20)) {
    if (Date.now() > deadline) throw new Error(`expected the moment within two minutes; got ${output}`);
  }
  process.kill(-(child.pid ?? 0), signal);
  return { exitCode: await ended, output };
}

describe('a clone without any account', () => {
  it('has the whole dev stack after one command, and nothing to do after the same again', async () => {
    const first = await npm('up', '--', '--stack', 'dev', '--yes');
    expect([first.exitCode, first.output]).toEqual([0, expect.stringMatching(/\+ \d+ created/)]);
    for (const slug of slugs) expect(await deploymentOf(slug)).toBe('ghost');

    const second = await npm('up', '--', '--stack', 'dev', '--yes');
    expect([second.exitCode, second.output]).toEqual([0, expect.stringMatching(/Stack dev: no change, \d+ unchanged/)]);
    expect(second.output).not.toMatch(/created|updated/);
  });

  it('has nothing of it in what is committed', async () => {
    expect((await run('git', 'status', '--porcelain')).output).toBe('');
  });

  it('previews exactly the site that was added, as Markdown', async () => {
    const args = ['--creator', 'mira@example.com', '--domain', `${added}.example.com`, '--plan', 'studio', '--yes'];
    expect((await npm('site:add', '--', added, ...args)).exitCode).toBe(0);
    await commit(`add ${added}`);
    expect((await npm('preview', '--', '--base', 'HEAD~1', '--list-stacks')).output).toContain(
      JSON.stringify(['dev', 'production', 'staging']),
    );

    const { exitCode, output } = await npm('preview', '--', '--base', 'HEAD~1', '--format', 'markdown');
    expect([exitCode, output]).toEqual([0, expect.stringContaining('## One site: 1 created')]);
    expect(output.match(/^### `.*$/gm)).toEqual([`### \`${added}\` is created`]);
    expect(output).toContain(`Answers at ${added}.example.com.`);
    expect(output).toMatch(/### Stack `dev`: \d+ to create, \d+ unchanged/);
    const steps = /```diff\n([\s\S]*?)```/.exec(output)?.[1]?.trim().split('\n') ?? [];
    expect(steps.length).toBeGreaterThan(10);
    expect(steps.filter((step) => !step.startsWith(`+ ${added} `))).toEqual([]);
    for (const stack of ['production', 'staging']) {
      expect(output).toMatch(new RegExp(`### Stack \`${stack}\`\\n\\nNo resource diff: the backend has no such stack`));
    }
  });

  it('has the site after plain Pulumi, and nothing to do after the same again', async () => {
    const first = await npm('pulumi', '--', 'up', '-s', 'dev', '--yes');
    expect([first.exitCode, first.output]).toEqual([0, expect.stringMatching(/\+ \d+ created\n\s+\d+ unchanged/)]);
    expect(await deploymentOf(added)).toBe('ghost');

    const second = await npm('pulumi', '--', 'up', '-s', 'dev', '--yes');
    expect([second.exitCode, second.output]).toEqual([0, expect.stringMatching(/Resources:\n\s+\d+ unchanged\n/)]);
    expect((await run('git', 'status', '--porcelain')).output).toBe('');
  });

  it('ends an update in order at Ctrl-C, and goes on with it without another step', async () => {
    const slug = 'early-birds';
    const args = ['--creator', 'mira@example.com', '--domain', `${slug}.example.com`, '--plan', 'studio', '--yes'];
    expect((await npm('site:add', '--', slug, ...args)).exitCode).toBe(0);
    const up = ['run', '--silent', 'up', '--', '--stack', 'dev', '--yes'];
    const interrupted = await signalWhen('SIGINT', () => namespaceIsThere(slug), 'npm', ...up);
    // npm ends by the signal itself.
    expect([interrupted.exitCode, interrupted.output]).toEqual([null, expect.stringMatching(/error: update canceled/)]);
    expect(await deploymentOf(slug)).toMatch(/not found/);

    const again = await run('npm', ...up);
    expect([again.exitCode, again.output]).toEqual([0, expect.stringMatching(/\+ \d+ created/)]);
    expect(again.output).not.toMatch(/locked|pending/);
    expect(await deploymentOf(slug)).toBe('ghost');
  });

  it('goes on with an update that was killed with all its processes, without another step', async () => {
    const slug = 'late-ferries';
    const args = ['--creator', 'mira@example.com', '--domain', `${slug}.example.com`, '--plan', 'studio', '--yes'];
    expect((await npm('site:add', '--', slug, ...args)).exitCode).toBe(0);
    const up = ['run', '--silent', 'up', '--', '--stack', 'dev', '--yes'];
    await signalWhen('SIGKILL', () => namespaceIsThere(slug), 'npm', ...up);
    expect(await deploymentOf(slug)).toMatch(/not found/);

    const again = await run('npm', ...up);
    expect([again.exitCode, again.output]).toEqual([0, expect.stringMatching(/the lock is taken away/)]);
    expect(await deploymentOf(slug)).toBe('ghost');
  });
});

import { spawn } from 'node:child_process';
import path from 'node:path';
import { which } from 'zx';
import type { GoBuild } from './manifest.ts';
import { UnavailableError } from './unavailable.ts';

/** Go is needed and missing, or a build failed; the message says what to do. */
export class GoBuildError extends UnavailableError {}

const reportSeconds = 20;

/**
 * Builds one program from the Go module proxy. What the module's go.sum does not name is refused, so the checksums that
 * Go's public database vouched for when they were pinned hold. Go keeps compiled packages, so a build that was killed
 * goes on where it stopped.
 *
 * @param report gets a line now and then while it compiles
 * @throws GoBuildError
 */
export async function goBuild(
  root: string,
  build: GoBuild,
  output: string,
  neededGo: string,
  report: (line: string) => void,
): Promise<void> {
  const go = which.sync('go', { nothrow: true });
  if (go === null) {
    throw new GoBuildError(
      `${build.program}: neither on PATH nor downloadable, and there is no Go to build it with: expected go ${neededGo} or newer on PATH (https://go.dev/dl)`,
    );
  }
  const settings = Object.entries(build.variables).map(([name, value]) => `-X ${name}=${value}`);
  const args = ['build', '-v', '-trimpath', '-mod=readonly', '-ldflags', ['-s', '-w', ...settings].join(' ')];
  const child = spawn(go, [...args, '-o', output, build.package], {
    cwd: path.join(root, build.module),
    // One set of flags for all builds: with others Go would compile what they share again.
    env: { ...process.env, CGO_ENABLED: '0', GOWORK: 'off' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const started = Date.now();
  let compiled = 0;
  let last: string[] = [];
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = chunk.split('\n').filter((line) => line !== '');
    compiled += lines.length;
    last = [...last, ...lines].slice(-30);
  });
  const timer = setInterval(() => {
    const seconds = Math.round((Date.now() - started) / 1000);
    report(`${build.program}: ${compiled} packages compiled or downloaded in ${seconds} s`);
  }, reportSeconds * 1000);
  try {
    const exitCode = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    if (exitCode !== 0) {
      throw new GoBuildError(
        `${build.program}: go build in ${build.module} ended with ${exitCode}:\n${last.join('\n')}`,
      );
    }
  } finally {
    clearInterval(timer);
  }
}

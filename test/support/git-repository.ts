import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** Runs git in a folder. @returns what it printed */
export async function git(cwd: string, ...args: readonly string[]): Promise<string> {
  return (await execute('git', [...args], { cwd, maxBuffer: 64 * 1024 ** 2 })).stdout;
}

/** Makes of a folder the first commit of a bare repository's branch `main`, by somebody of ops. */
export async function publishFolder(folder: string, bare: string): Promise<void> {
  await git(folder, 'init', '--quiet', '--bare', '--initial-branch=main', bare);
  await git(folder, 'init', '--quiet', '--initial-branch=main');
  await git(folder, 'add', '--all');
  await git(folder, '-c', 'user.name=ops', '-c', 'user.email=ops@example.com', 'commit', '-qm', 'the beginning');
  await git(folder, 'push', '--quiet', bare, 'main');
}

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Progress } from './provisioner.ts';

/** Makes real what the newest state of the registry says of a stack. */
export type StackUpdate = (stack: string, progress: Progress, signal: AbortSignal) => Promise<void>;

/** `npm run up` in a checkout, which goes through Pulumi's Automation API. */
export function updateInCheckout(checkout: string): StackUpdate {
  return async (stack, progress, signal) => {
    const args = ['run', 'up', '--', '--stack', stack, '--yes'];
    const child = spawn('npm', args, { cwd: checkout, stdio: ['ignore', 'pipe', 'pipe'], signal });
    const ended = new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    const lines = [child.stdout, child.stderr].map(async (stream) => {
      for await (const line of createInterface({ input: stream })) if (line.trim() !== '') await progress(line);
    });
    const [code] = await Promise.all([ended, ...lines]);
    if (code !== 0) throw new Error(`npm ${args.join(' ')} ended with exit code ${code}`);
  };
}

/** Whoever watches the repository applies what is pushed to it, such as `.github/workflows/deploy.yml`. */
export const updateElsewhere: StackUpdate = (stack, progress) =>
  progress(`pushed: whoever deploys from the repository updates ${stack}`);

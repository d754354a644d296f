import path from 'node:path';
import { installTools } from '../tools/install.ts';
import { type EngineEnvironment, engineEnvironment } from './environment.ts';
import { withLocalSalts } from './salt.ts';

/**
 * Runs something with the pinned engine and this checkout's own state, unless the environment names a backend.
 *
 * @param root top level of the checkout
 */
export async function withEngine<Result>(
  root: string,
  run: (environment: EngineEnvironment) => Promise<Result>,
): Promise<Result> {
  const home = path.join(root, '.local', 'pulumi');
  const environment = await engineEnvironment(home, await installTools({ root, sets: ['engine'] }));
  if (environment.localState === undefined) return run(environment);
  return withLocalSalts(path.join(root, 'stacks'), path.join(home, 'salts'), () => run(environment));
}

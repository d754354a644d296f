import { afterAll, beforeAll } from 'vitest';
import { startTestPostgres, temporaryDir } from '../site-process.ts';
import { type EngineBed, startEngine } from './start-engine.ts';

/** Fills a bed before the tests of the calling file, and removes it afterwards. */
export function useEngineBed(): EngineBed {
  const bed = {} as EngineBed;
  let remove: (() => Promise<void>) | undefined;
  beforeAll(async () => {
    const files = await temporaryDir();
    remove = files.remove;
    bed.dir = files.dir;
    bed.postgres = await startTestPostgres(files.dir);
    Object.assign(bed, await startEngine(files.dir));
  });
  afterAll(async () => {
    await bed.kubernetes?.stop();
    await bed.postgres?.stop();
    await remove?.();
  });
  return bed;
}

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { withLocalSalts } from '../../../scripts/engine/salt.ts';
import { temporaryDir } from '../../support/site-process.ts';

const settings = '# the laptop\nconfig:\n  fleet:region: local\n';
let stacks: string;
let salts: string;
let file: string;
let remove: () => Promise<void>;
beforeEach(async () => {
  const made = await temporaryDir();
  remove = made.remove;
  stacks = path.join(made.dir, 'stacks');
  salts = path.join(made.dir, 'salts');
  file = path.join(stacks, 'Pulumi.dev.yaml');
  await mkdir(stacks);
  await writeFile(file, settings);
});
afterEach(() => remove());

const addSalt = async (salt: string) => writeFile(file, `encryptionsalt: ${salt}\n${await readFile(file, 'utf8')}`);

describe('the salt of a local passphrase', () => {
  it('is in the settings while Pulumi runs, and only then', async () => {
    await withLocalSalts(stacks, salts, () => addSalt('v1:abc'));
    expect(await readFile(file, 'utf8')).toBe(settings);
    await withLocalSalts(stacks, salts, async () => {
      expect(await readFile(file, 'utf8')).toBe(`encryptionsalt: v1:abc\n${settings}`);
    });
    expect(await readFile(file, 'utf8')).toBe(settings);
  });

  it('is taken out when the run fails, and after a run that was killed', async () => {
    const failing = withLocalSalts(stacks, salts, async () => {
      await addSalt('v1:abc');
      throw new Error('no engine');
    });
    await expect(failing).rejects.toThrow('no engine');
    expect(await readFile(file, 'utf8')).toBe(settings);
    await addSalt('v1:abc');
    await withLocalSalts(stacks, salts, async () => undefined);
    expect(await readFile(file, 'utf8')).toBe(settings);
  });

  it('stays where it was committed, and where encrypted values need it', async () => {
    await addSalt('v1:committed');
    await withLocalSalts(stacks, salts, async () => undefined);
    expect(await readFile(file, 'utf8')).toContain('encryptionsalt: v1:committed');

    await writeFile(file, `${settings}  fleet:token:\n    secure: v1:xyz\n`);
    await withLocalSalts(stacks, salts, () => addSalt('v1:abc'));
    expect(await readFile(file, 'utf8')).toContain('encryptionsalt: v1:abc');
  });
});

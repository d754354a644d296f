import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { listStacks } from '../../stacks/settings.ts';

const saltLine = /^encryptionsalt: (.*)\n?/m;

/**
 * Runs `run` while the settings of the stacks hold the salts of this checkout's own passphrase, and takes the salts out
 * afterwards. Pulumi writes the salt of a passphrase into `Pulumi.<stack>.yaml`, which is committed; a passphrase that
 * exists in one checkout alone has no business there. A file with encrypted values keeps its salt: it needs it.
 *
 * @param stacksDir folder of the settings
 * @param saltsDir where the salts are kept in between
 */
export async function withLocalSalts<Result>(
  stacksDir: string,
  saltsDir: string,
  run: () => Promise<Result>,
): Promise<Result> {
  const borrowing: string[] = [];
  for (const stack of await listStacks(stacksDir)) {
    const file = path.join(stacksDir, `Pulumi.${stack}.yaml`);
    const text = await readFile(file, 'utf8');
    const kept = await readIfThere(path.join(saltsDir, stack));
    const found = saltLine.exec(text)?.[1];
    // A salt that is ours was left by a run that was killed.
    if (found !== undefined && found !== kept) continue;
    borrowing.push(stack);
    if (found === undefined && kept !== undefined) await writeFile(file, `encryptionsalt: ${kept}\n${text}`);
  }
  try {
    return await run();
  } finally {
    for (const stack of borrowing) await takeSaltOut(stacksDir, saltsDir, stack);
  }
}

async function takeSaltOut(stacksDir: string, saltsDir: string, stack: string): Promise<void> {
  const file = path.join(stacksDir, `Pulumi.${stack}.yaml`);
  const text = await readIfThere(file);
  const salt = text === undefined ? undefined : saltLine.exec(text)?.[1];
  if (text === undefined || salt === undefined || /^\s+(- )?secure:/m.test(text)) return;
  await mkdir(saltsDir, { recursive: true });
  await writeFile(path.join(saltsDir, stack), salt, { mode: 0o600 });
  await writeFile(file, text.replace(saltLine, ''));
}

async function readIfThere(file: string): Promise<string | undefined> {
  return existsSync(file) ? readFile(file, 'utf8') : undefined;
}

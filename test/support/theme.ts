import { cp, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';

/** The theme `source` under another name, with a mark on every page, as it is uploaded; made in `dir`. */
export async function makeTheme(dir: string, name: string, mark: string): Promise<File> {
  const ghost = createRequire(path.resolve('.tools/ghost/package.json'));
  const zip = ghost('@tryghost/zip') as { compress(folder: string, file: string): Promise<unknown> };
  const folder = path.join(dir, name);
  await cp(path.resolve('.tools/ghost/content/themes/source'), folder, { recursive: true, dereference: true });
  const manifest = JSON.parse(await readFile(path.join(folder, 'package.json'), 'utf8')) as object;
  await writeFile(path.join(folder, 'package.json'), JSON.stringify({ ...manifest, name }));
  const layout = path.join(folder, 'default.hbs');
  await writeFile(layout, (await readFile(layout, 'utf8')).replace('</body>', `<!-- ${mark} --></body>`));
  const file = path.join(dir, `${name}.zip`);
  await zip.compress(folder, file);
  return new File([await readFile(file)], `${name}.zip`, { type: 'application/zip' });
}

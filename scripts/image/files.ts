import { readdirSync } from 'node:fs';
import path from 'node:path';

/** Everything below a folder that is no folder, as paths from there. Links are listed and never followed. */
export function listFiles(root: string): { readonly file: string; readonly link: boolean }[] {
  const found: { file: string; link: boolean }[] = [];
  const walk = (folder: string): void => {
    for (const entry of readdirSync(path.join(root, folder), { withFileTypes: true })) {
      const file = path.join(folder, entry.name);
      if (entry.isDirectory()) walk(file);
      else found.push({ file, link: entry.isSymbolicLink() });
    }
  };
  walk('');
  return found;
}

import { createRequire } from 'node:module';
import path from 'node:path';

const folder = path.join(path.dirname(createRequire(import.meta.url).resolve('dejavu-fonts-ttf/package.json')), 'ttf');

/**
 * DejaVu Sans, of which a PDF carries the letters that it shows: the fonts that every reader has know no ł or ş, and names of
 * people have them. It has no Chinese, Japanese or Korean; those letters are boxes in the PDF, and right in the HTML.
 */
export const pdfFonts = {
  regular: path.join(folder, 'DejaVuSans.ttf'),
  bold: path.join(folder, 'DejaVuSans-Bold.ttf'),
} as const;

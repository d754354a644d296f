import PDFDocument from 'pdfkit';
import type { DocumentView } from './document-view.ts';
import { pdfFonts } from './pdf-fonts.ts';

const margin = 56;
const columns = { site: 56, description: 176, amount: 430 } as const;
const right = 539;
const bottom = 770;
const grey = '#5d6670';

/**
 * The document on A4, the same bytes whenever it is rendered: its only date is that of its issue.
 *
 * @returns the file
 */
export function renderPdf(view: DocumentView): Promise<Buffer> {
  const pdf = new PDFDocument({
    size: 'A4',
    margin,
    lang: 'en',
    displayTitle: true,
    info: { Title: `${view.title} ${view.number}`, Author: view.seller[0] ?? '', CreationDate: view.issuedAt },
  });
  const file = new Promise<Buffer>((resolve, reject) => {
    const chunks: Buffer[] = [];
    pdf.on('data', (chunk: Buffer) => chunks.push(chunk));
    pdf.on('end', () => resolve(Buffer.concat(chunks)));
    pdf.on('error', reject);
  });
  pdf.registerFont('regular', pdfFonts.regular);
  pdf.registerFont('bold', pdfFonts.bold);
  drawHead(pdf, view);
  drawLines(pdf, view);
  drawTotals(pdf, view);
  pdf.end();
  return file;
}

function drawHead(pdf: PDFKit.PDFDocument, { title, number, seller, buyer, facts }: DocumentView): void {
  pdf.font('bold').fontSize(18).text(`${title} ${number}`, margin, margin);
  const top = pdf.y + 18;
  pdf.font('regular').fontSize(9.5);
  pdf.text(seller.join('\n'), margin, top, { width: 220 });
  const sellerEnd = pdf.y;
  pdf.text(buyer.join('\n'), 316, top, { width: 223 });
  pdf.y = Math.max(sellerEnd, pdf.y) + 18;
  for (const [label, value] of facts) {
    const { y } = pdf;
    pdf.fillColor(grey).text(label, margin, y, { width: 116 });
    pdf.fillColor('black').text(value, columns.description, y, { width: right - columns.description });
  }
  pdf.moveDown(1.5);
}

function drawLines(pdf: PDFKit.PDFDocument, { lines }: DocumentView): void {
  pdf.font('bold');
  drawRow(pdf, ['Site', 'Description', 'Amount']);
  pdf.font('regular');
  for (const { site, description, amount } of lines) drawRow(pdf, [site, description, amount]);
}

function drawRow(pdf: PDFKit.PDFDocument, [site, description, amount]: readonly [string, string, string]): void {
  const siteWidth = columns.description - columns.site - 12;
  const textWidth = columns.amount - columns.description - 12;
  const height = Math.max(
    pdf.heightOfString(site, { width: siteWidth }),
    pdf.heightOfString(description, { width: textWidth }),
  );
  if (pdf.y + height > bottom) pdf.addPage();
  const { y } = pdf;
  pdf.text(site, columns.site, y, { width: siteWidth });
  pdf.text(description, columns.description, y, { width: textWidth });
  pdf.text(amount, columns.amount, y, { width: right - columns.amount, align: 'right' });
  const end = y + height + 4;
  pdf.moveTo(margin, end).lineTo(right, end).lineWidth(0.5).strokeColor('#dfe3e8').stroke();
  pdf.y = end + 5;
}

function drawTotals(pdf: PDFKit.PDFDocument, { totals, notes }: DocumentView): void {
  if (pdf.y + 20 * (totals.length + notes.length) > bottom) pdf.addPage();
  for (const [index, [label, amount]] of totals.entries()) {
    const { y } = pdf;
    pdf.font(index === totals.length - 1 ? 'bold' : 'regular');
    pdf.text(label, columns.description, y, { width: columns.amount - columns.description - 12, align: 'right' });
    pdf.text(amount, columns.amount, y, { width: right - columns.amount, align: 'right' });
    pdf.y = y + 15;
  }
  pdf.font('regular').moveDown(1.5);
  for (const note of notes) pdf.text(note, margin, pdf.y, { width: right - margin }).moveDown(0.4);
}

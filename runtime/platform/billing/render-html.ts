import { html } from 'htm/preact';
import { renderToStaticMarkup } from 'preact-render-to-string';
import type { DocumentView } from './document-view.ts';

const style = `
  :root { color-scheme: light; }
  body { font: 15px/1.5 system-ui, sans-serif; color: #15171a; max-width: 46rem; margin: 2.5rem auto; padding: 0 1.25rem; }
  h1 { font-size: 1.6rem; margin: 0 0 1.5rem; }
  address { font-style: normal; }
  .parties { display: flex; flex-wrap: wrap; gap: 1.5rem 4rem; margin-bottom: 1.5rem; }
  dl { display: grid; grid-template-columns: max-content auto; gap: .1rem 1rem; }
  dt { color: #5d6670; }
  dd { margin: 0; }
  table { width: 100%; border-collapse: collapse; margin: 1.5rem 0; }
  th, td { text-align: left; vertical-align: top; padding: .4rem .5rem .4rem 0; border-bottom: 1px solid #dfe3e8; }
  td:last-child, th:last-child { text-align: right; white-space: nowrap; padding-right: 0; font-variant-numeric: tabular-nums; }
  tfoot th { font-weight: normal; text-align: right; border: 0; }
  tfoot td { border: 0; }
  tfoot tr:last-child > * { font-weight: bold; }
  @media print { body { margin: 0; } }`;

/** A page of its own, the same bytes for the same document. Whatever people typed is text in it. */
export function renderHtml(view: DocumentView): string {
  const { title, number, facts, seller, buyer, lines, totals, notes } = view;
  const page = html`<html lang="en">
    <head>
      <meta charset="utf-8" />
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <title>${title} ${number}</title>
      <style dangerouslySetInnerHTML=${{ __html: style }}></style>
    </head>
    <body>
      <h1>${title} ${number}</h1>
      <div class="parties">${party('From', seller)}${party('To', buyer)}</div>
      <dl>${facts.map(([label, value]) => html`<dt>${label}</dt><dd>${value}</dd>`)}</dl>
      <table>
        <thead><tr><th scope="col">Site</th><th scope="col">Description</th><th scope="col">Amount</th></tr></thead>
        <tbody>
          ${lines.map(({ site, description, amount }) => html`<tr><td>${site}</td><td>${description}</td><td>${amount}</td></tr>`)}
        </tbody>
        <tfoot>
          ${totals.map(([label, amount]) => html`<tr><th scope="row" colspan="2">${label}</th><td>${amount}</td></tr>`)}
        </tfoot>
      </table>
      ${notes.map((note) => html`<p>${note}</p>`)}
    </body>
  </html>`;
  return `<!doctype html>${renderToStaticMarkup(page)}`;
}

function party(label: string, lines: readonly string[]) {
  return html`<address aria-label=${label}>${lines.map((line) => html`${line}<br />`)}</address>`;
}

import type { Viewer } from '../access/viewer.ts';
import { html, type Markup } from './html.ts';

/** What every page is told. */
export interface PageContext {
  readonly viewer: Viewer | undefined;
  /** Token of the forms of this page against forgery from elsewhere; undefined on pages without a form. */
  readonly csrfToken: string | undefined;
  /** Path that is shown, to mark the place in the navigation. */
  readonly path: string;
}

interface PlaceInNavigation {
  readonly href: string;
  readonly label: string;
}

const creatorPlaces: readonly PlaceInNavigation[] = [
  { href: '/sites', label: 'Sites' },
  { href: '/invoices', label: 'Invoices' },
  { href: '/tokens', label: 'API tokens' },
  { href: '/audit', label: 'Activity' },
];

const staffPlaces: readonly PlaceInNavigation[] = [
  { href: '/fleet', label: 'Fleet' },
  { href: '/queue', label: 'Jobs' },
  { href: '/invoices', label: 'Invoices' },
  { href: '/deletions', label: 'Deletions' },
  { href: '/tokens', label: 'API tokens' },
  { href: '/audit', label: 'Activity' },
];

/** A whole page around its content. */
export function page(context: PageContext, title: string, content: Markup, scripts: readonly string[] = []): Markup {
  return html`<html lang="en">
    <head>
      <meta charset="utf-8" />
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <meta name="color-scheme" content="light dark" />
      <title>${title} · ghost-fleet</title>
      <link rel="icon" href="data:," />
      <link rel="stylesheet" href="/assets/style.css" />
      ${scripts.includes('charts.js') && html`<link rel="stylesheet" href="/assets/uplot.css" />`}
      ${scripts.map((script) => html`<script type="module" src=${`/assets/${script}`}></script>`)}
    </head>
    <body>
      <a class="skip" href="#content">Skip to content</a>
      ${navigation(context)}
      <main id="content">${content}</main>
    </body>
  </html>` as Markup;
}

/** A form that changes something: it carries the token that proves it is ours. */
export function form(context: PageContext, action: string, content: Markup, attributes: object = {}): Markup {
  return html`<form method="post" action=${action} ...${attributes}>
    <input type="hidden" name="_csrf" value=${context.csrfToken ?? ''} />${content}
  </form>` as Markup;
}

function navigation(context: PageContext): Markup {
  const { viewer, path } = context;
  if (viewer === undefined) return html`<header class="bar"><span class="brand">ghost-fleet</span></header>` as Markup;
  const places = viewer.role === 'creator' ? creatorPlaces : staffPlaces;
  return html`<header class="bar">
    <a class="brand" href="/">ghost-fleet</a>
    <nav aria-label="Main">
      ${places.map(
        ({ href, label }) =>
          html`<a href=${href} aria-current=${path === href || path.startsWith(`${href}/`) ? 'page' : undefined}>${label}</a>`,
      )}
    </nav>
    ${form(
      context,
      '/sign-out',
      html`<span class="who">${viewer.email}</span><button class="quiet">Sign out</button>` as Markup,
      { class: 'account' },
    )}
  </header>` as Markup;
}

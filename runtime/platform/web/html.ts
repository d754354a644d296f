import { html } from 'htm/preact';
import type { VNode } from 'preact';
import { render } from 'preact-render-to-string';

/** A piece of a page: text in it is escaped by the library that renders it. */
export type Markup = VNode | readonly VNode[];

export { html };

/** A whole document as text. */
export function renderDocument(document: Markup): string {
  return `<!doctype html>${render(document as VNode)}`;
}

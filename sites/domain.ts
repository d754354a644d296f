import { domainToASCII } from 'node:url';

const label = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/**
 * One spelling for every way to write a host name: lower case, no trailing dot, international letters as punycode.
 *
 * @returns the normalised host name, or undefined where `text` is not the full name of a host (a URL, an address, a
 *   wildcard, a single label, a port)
 */
export function normaliseDomain(text: string): string | undefined {
  const trimmed = text.endsWith('.') ? text.slice(0, -1) : text;
  if (trimmed === '' || /[\s/:*@?#%\\[\]]/.test(trimmed)) return undefined;
  const ascii = domainToASCII(trimmed);
  if (ascii === '' || ascii.length > 253) return undefined;
  const labels = ascii.split('.');
  if (labels.length < 2 || !labels.every((part) => label.test(part))) return undefined;
  // A last label of digits only is an IPv4 address to every URL parser.
  return /^\d+$/.test(labels.at(-1) ?? '') ? undefined : ascii;
}

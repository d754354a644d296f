/**
 * Columns of equal length as CSV (RFC 4180). Text that a spreadsheet would take for a formula is marked as text.
 *
 * @param columns a name and its values each; null is an empty field
 */
export function toCsv(columns: readonly (readonly [string, readonly (string | number | null)[]])[]): string {
  const rows = columns[0]?.[1].map((_, at) => columns.map(([, values]) => values[at] ?? null)) ?? [];
  return [columns.map(([name]) => name), ...rows].map((row) => `${row.map(field).join(',')}\r\n`).join('');
}

function field(value: string | number | null): string {
  if (value === null) return '';
  const text = typeof value === 'number' || !/^[=+\-@\t\r]/.test(value) ? String(value) : `'${value}`;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

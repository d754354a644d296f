import { readFile, writeFile } from 'node:fs/promises';
import type { Comparison } from './compare.ts';
import { explanations } from './explained.ts';

/** Every difference of one database, with the first of its lines; `grep` keeps those whose name or path contains it. */
export function describe({ name, different, outdated }: Comparison, grep: string): string {
  const lines: string[] = [];
  for (const { call, lines: found, explanation } of different) {
    if (!`${call.name} ${call.path}`.includes(grep)) continue;
    const why = explanation === undefined ? 'UNEXPLAINED' : `explained: ${explanation.reason} (${explanation.manual})`;
    lines.push(`${name}: ${call.name}: ${call.method} ${decodeURIComponent(call.path)}: ${why}`);
    lines.push(
      ...found.slice(0, 8).map((line) => `    ${line}`),
      ...(found.length > 8 ? [`    … and ${found.length - 8} more`] : []),
    );
  }
  for (const { call, reason } of outdated) lines.push(`${name}: ${call}: the explanation no longer matches: ${reason}`);
  return lines.join('\n');
}

/** Differences on PostgreSQL without an explanation, and explanations without a difference. */
export function unexplained(comparisons: readonly Comparison[]): number {
  return comparisons
    .filter(({ name }) => name !== 'sqlite')
    .reduce((sum, one) => sum + one.different.length - explainedOf(one) + one.outdated.length, 0);
}

/** The last line of a run. */
export function countsOf(comparisons: readonly Comparison[]): string {
  const counts = comparisons.map((one) => {
    const explained = one.name === 'sqlite' ? '' : ` (${explainedOf(one)} explained)`;
    return `${one.name}: ${one.calls} calls, ${one.equal} equal, ${one.different.length} different${explained}`;
  });
  return `${counts.join('; ')}; ${explanations.length} explanations; ${unexplained(comparisons)} unexplained on PostgreSQL`;
}

function explainedOf({ different }: Comparison): number {
  return different.filter(({ explanation }) => explanation !== undefined).length;
}

const marks = ['<!-- CONFORMANCE: written by npm run conformance -- --write -->', '<!-- /CONFORMANCE -->'] as const;

/**
 * Writes the figures between the two marks of a Markdown file.
 *
 * @throws Error when the file does not have the marks
 */
export async function writeFigures(file: string, title: string, comparisons: readonly Comparison[]): Promise<void> {
  const text = await readFile(file, 'utf8');
  const [start, end] = [text.indexOf(marks[0]), text.indexOf(marks[1])];
  if (start < 0 || end < start) throw new Error(`${file}: expected the marks ${marks.join(' and ')}; got none`);
  const rows = comparisons.map(
    (one) =>
      `| ${one.name} | ${one.calls} | ${one.equal} | ${one.different.length} | ${one.name === 'sqlite' ? '' : explainedOf(one)} |`,
  );
  const reasons = explanations.map(({ call, reason, manual }) => `- \`${call}\`: ${reason} ([manual](${manual})).`);
  const figures = [
    marks[0],
    `${title}; compared with MariaDB:`,
    '',
    '| database | calls | equal | different | explained |',
    '|---|---|---|---|---|',
    ...rows,
    '',
    'The differences on PostgreSQL, and why:',
    '',
    ...reasons,
    '',
  ];
  await writeFile(file, text.slice(0, start) + figures.join('\n') + text.slice(end));
}

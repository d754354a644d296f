import type { Rule } from '../../stacks/policy/subject.ts';

/** What every credential of a mocked stack is marked with (plan.ts, and the passwords that tests hand in). */
const marks = /hex-of-|search-key-of|indexing-key-of|correct-horse|PRIVATE KEY/;

/** No credential stands anywhere in plain. */
export const nothingLeaks: Rule = ({ name, inputs, secretPaths }) =>
  plainTexts(inputs, secretPaths, [])
    .filter(([, text]) => marks.test(text))
    .map(([at]) => `${name}: ${at} carries a credential in plain`);

function plainTexts(value: unknown, secretPaths: readonly string[], at: readonly string[]): [string, string][] {
  if (secretPaths.includes(at.join('.'))) return [];
  if (typeof value === 'string') return [[at.join('.'), value]];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => plainTexts(inner, secretPaths, [...at, key]));
}

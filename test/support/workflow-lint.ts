import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { parseDocument } from 'yaml';

interface Step {
  readonly id?: string;
  readonly uses?: string;
  readonly run?: string;
}

interface Job {
  readonly 'timeout-minutes'?: number;
  readonly steps?: readonly Step[];
}

interface Workflow {
  readonly permissions?: Readonly<Record<string, string>>;
  readonly jobs?: Readonly<Record<string, Job>>;
  /** Of a composite action. */
  readonly runs?: { readonly steps?: readonly Step[] };
}

/**
 * Reads a workflow of GitHub Actions, or a composite action, as far as it can be checked without GitHub.
 *
 * @param root top level of the checkout, where package.json and local actions are
 * @param scripts names that `npm run` knows
 * @returns a line for each problem
 */
export function lintWorkflow(text: string, root: string, scripts: readonly string[]): string[] {
  const document = parseDocument(text, { strict: true, uniqueKeys: true });
  const broken = [...document.errors, ...document.warnings].map(({ message }) => message);
  if (broken.length > 0) return broken;
  const workflow = document.toJS() as Workflow;
  const jobs = Object.entries(workflow.jobs ?? {});
  const problems = workflow.runs === undefined && jobs.length === 0 ? ['expected jobs; got none'] : [];
  if (workflow.runs === undefined && workflow.permissions === undefined) {
    problems.push('permissions: expected what the token may do; got nothing, which may be everything');
  }
  for (const [name, job] of jobs) {
    if (job['timeout-minutes'] === undefined) problems.push(`${name}: expected timeout-minutes; got nothing`);
    problems.push(...lintSteps(job.steps ?? [], root, scripts).map((problem) => `${name}: ${problem}`));
  }
  return [...problems, ...lintSteps(workflow.runs?.steps ?? [], root, scripts), ...lintPins(text)];
}

function lintSteps(steps: readonly Step[], root: string, scripts: readonly string[]): string[] {
  const ids = steps.flatMap(({ id }) => id ?? []);
  const named = [...JSON.stringify(steps).matchAll(/\bsteps\.([\w-]+)\./g)].map((match) => match[1] ?? '');
  return [
    ...named.filter((id) => !ids.includes(id)).map((id) => `expected a step ${id}; got none`),
    ...steps.flatMap(({ uses, run }) => [
      ...(uses === undefined ? [] : lintUse(uses, root)),
      ...(run === undefined ? [] : lintRun(run, scripts)),
    ]),
  ];
}

function lintUse(uses: string, root: string): string[] {
  if (!uses.startsWith('./')) {
    return /^[\w.-]+\/[\w./-]+@[0-9a-f]{40}$/.test(uses) ? [] : [`${uses}: expected a commit of 40 digits; got a name`];
  }
  return existsSync(path.join(root, uses, 'action.yml')) ? [] : [`${uses}: expected action.yml in it; got none`];
}

function lintRun(run: string, scripts: readonly string[]): string[] {
  const named = [...run.matchAll(/\bnpm run (?:--silent )?([\w:-]+)/g)].map((match) => match[1] ?? '');
  // What comes from outside must arrive as a variable: in the text of a script it would be code.
  const pasted = [...run.matchAll(/\$\{\{\s*([^}]+?)\s*\}\}/g)]
    .map((match) => match[1] ?? '')
    .filter((expression) => !/^steps\.[\w-]+\.outputs\.\w+$/.test(expression));
  return [
    ...named
      .filter((name) => !scripts.includes(name))
      .map((name) => `npm run ${name}: expected a script of package.json`),
    ...pasted.map((expression) => `${expression}: expected a variable; got text of the script`),
    ...syntaxErrors(run),
  ];
}

function syntaxErrors(script: string): string[] {
  try {
    execFileSync('bash', ['-n'], { input: script.replaceAll(/\$\{\{[^}]*\}\}/g, 'value'), stdio: 'pipe' });
    return [];
  } catch (error) {
    return [String((error as { stderr: Buffer }).stderr).trim()];
  }
}

/** A commit says nothing to who reads it: the release stands beside it. */
function lintPins(text: string): string[] {
  const lines = text.split('\n').filter((line) => /uses:\s+[^.]\S*@/.test(line));
  return lines.filter((line) => !/# v\d+\.\d+\.\d+$/.test(line)).map((line) => `${line.trim()}: expected its release`);
}

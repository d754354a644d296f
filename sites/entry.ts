import { lstatSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { type Document, isAlias, isMap, LineCounter, type Node, parseDocument, visit } from 'yaml';
import { type Site, siteKeys, siteSchema } from './schema.ts';

/** One thing that is wrong in the registry, and where. */
export interface RegistryProblem {
  /** As the caller named the folder, with the file's name. */
  readonly file: string;
  /** 1-based; 1 where the whole file is meant. */
  readonly line: number;
  /** Dotted path of the key, such as `database.cluster` or `domains[1]`; empty for the file itself. */
  readonly path: string;
  readonly expected: string;
  readonly got: string;
}

/** Larger than any honest entry by far; keeps a wrong file from being parsed for minutes. */
const maxFileBytes = 64 * 1024;

/** A file while it is being checked. */
export interface Entry {
  readonly file: string;
  readonly stem: string;
  site: Site | undefined;
  readonly problems: RegistryProblem[];
  /** Line of the key at a path, or of the nearest key above it. */
  readonly lineOf: (path: readonly PropertyKey[]) => number;
}

/**
 * Reads and validates one file of the registry; whatever is wrong with it is among the entry's problems. It reads at once
 * and not in the background: for small files that costs a tenth of the processor's time.
 */
export function loadEntry(dir: string, name: string): Entry {
  const file = path.join(dir, name);
  const stem = name.replace(/\.ya?ml$/i, '');
  const entry: Entry = { file, stem, site: undefined, problems: [], lineOf: () => 1 };
  const refuse = (expected: string, got: string, line = 1) =>
    entry.problems.push({ file, line, path: '', expected, got });

  if (!name.endsWith('.yaml')) {
    refuse(`the file to be called ${stem}.yaml`, name);
    return entry;
  }
  const text = readText(file, refuse);
  if (text === undefined) return entry;

  const entryText = parseEntry(text);
  const { document, counter } = entryText;
  for (const error of document.errors) {
    refuse('valid YAML', error.message.replaceAll('\n', ' '), counter.linePos(error.pos[0]).line);
  }
  visit(document, {
    Alias(_key, node) {
      refuse('values written out', `the alias *${node.source}`, counter.linePos(node.range?.[0] ?? 0).line);
    },
  });
  if (entry.problems.length > 0) return entry;

  const lineOf = (at: readonly PropertyKey[]) => lineOfPath(entryText, at);
  const value: unknown = document.toJS();
  const parsed = siteSchema.safeParse(value);
  const problems = parsed.success ? [] : parsed.error.issues.flatMap((issue) => toProblems(issue, value, file, lineOf));
  const slug = valueAt(value, ['slug']);
  if (typeof slug === 'string' && slug !== stem && !problems.some((problem) => problem.path === 'slug')) {
    problems.push({
      file,
      line: lineOf(['slug']),
      path: 'slug',
      expected: `the file's name, ${stem}`,
      got: show(slug),
    });
  }
  entry.problems.push(...problems.sort((a, b) => a.line - b.line));
  const site = parsed.success ? parsed.data : undefined;
  // Asked again only where sites collide: a registry keeps texts, whose documents take thirty times as much.
  return { ...entry, site, lineOf: (at) => lineOfPath(parseEntry(text), at) };
}

interface ParsedEntry {
  readonly document: Document.Parsed;
  readonly counter: LineCounter;
}

function parseEntry(text: string): ParsedEntry {
  const counter = new LineCounter();
  const options = { lineCounter: counter, uniqueKeys: true, prettyErrors: false, merge: false };
  return { document: parseDocument(text, options), counter };
}

type Refuse = (expected: string, got: string) => void;

function readText(file: string, refuse: Refuse): string | undefined {
  try {
    const found = lstatSync(file);
    if (!found.isFile()) {
      refuse(
        'a regular file',
        found.isSymbolicLink() ? 'a symbolic link' : found.isDirectory() ? 'a folder' : 'something else',
      );
      return undefined;
    }
    if (found.size > maxFileBytes) {
      refuse(`at most ${maxFileBytes} bytes`, `${found.size} bytes`);
      return undefined;
    }
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file));
  } catch (error) {
    if (error instanceof TypeError) refuse('UTF-8 text', 'bytes that are not UTF-8');
    else refuse('a file that can be read', (error as NodeJS.ErrnoException).code ?? String(error));
    return undefined;
  }
}

interface Issue {
  readonly code?: string;
  readonly message: string;
  readonly path: readonly PropertyKey[];
  readonly keys?: readonly string[];
}

function toProblems(issue: Issue, value: unknown, file: string, lineOf: Entry['lineOf']): RegistryProblem[] {
  if (issue.code === 'unrecognized_keys') {
    return (issue.keys ?? []).map((key) => {
      const at = [...issue.path, key];
      const known =
        issue.path.length === 0
          ? `one of the keys ${siteKeys.join(', ')}`
          : `no other keys below ${formatPath(issue.path)}`;
      return { file, line: lineOf(at), path: formatPath(at), expected: known, got: `the key ${show(key)}` };
    });
  }
  return [
    {
      file,
      line: lineOf(issue.path),
      path: formatPath(issue.path),
      expected: issue.message,
      got: show(valueAt(value, issue.path)),
    },
  ];
}

/** `domains[1]`, `database.cluster` */
export function formatPath(at: readonly PropertyKey[]): string {
  return at.reduce<string>(
    (text, part) =>
      typeof part === 'number' ? `${text}[${part}]` : text === '' ? String(part) : `${text}.${String(part)}`,
    '',
  );
}

function valueAt(value: unknown, at: readonly PropertyKey[]): unknown {
  let found = value;
  for (const key of at) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, key)) return undefined;
    found = (found as Record<PropertyKey, unknown>)[key];
  }
  return found;
}

/** A value as it is shown in a problem: JSON, shortened. */
export function show(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

function lineOfPath({ document, counter }: ParsedEntry, at: readonly PropertyKey[]): number {
  let node: Node | null = document.contents;
  let offset = node?.range?.[0] ?? 0;
  for (const key of at) {
    if (isMap(node)) {
      const pair = node.items.find((item) => String((item.key as { value?: unknown } | null)?.value) === String(key));
      if (pair === undefined) break;
      offset = (pair.key as Node).range?.[0] ?? offset;
      node = pair.value as Node | null;
    } else if (node !== null && !isAlias(node) && 'items' in node) {
      const item = (node as unknown as { items: Node[] }).items[Number(key)];
      if (item === undefined) break;
      offset = item.range?.[0] ?? offset;
      node = item;
    } else break;
  }
  return counter.linePos(offset).line;
}

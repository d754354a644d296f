/** Files and what each imports, both as paths from the repository's top level. */
export type ImportGraph = ReadonlyMap<string, readonly string[]>;

/** The room that a file stands in, undefined for files outside of the rooms. */
export function roomOf(file: string): string | undefined {
  const inner =
    /^(runtime\/(?:site|database|platform|backup|container|environment|sign-in)|components\/provider|stacks\/policy)\//.exec(
      file,
    );
  if (inner !== null) return inner[1];
  return /^(sites|stacks|components|scripts|test)\//.exec(file)?.[1];
}

/** Imports that lead from one room into another which it must not know, as `a.ts → b.ts`. */
export function findForbiddenArrows(
  graph: ImportGraph,
  allowed: Readonly<Record<string, readonly string[]>>,
): string[] {
  return [...graph].flatMap(([file, imports]) => {
    const room = roomOf(file) ?? '';
    return imports
      .filter((target) => roomOf(target) !== room && !allowed[room]?.includes(roomOf(target) ?? ''))
      .map((target) => `${file} → ${target}`);
  });
}

/** Circles of files, each once, with the file it begins with repeated at its end. */
export function findCircles(graph: ImportGraph): string[][] {
  const circles: string[][] = [];
  const done = new Set<string>();
  const visit = (file: string, trail: readonly string[]): void => {
    const start = trail.indexOf(file);
    if (start >= 0) {
      circles.push([...trail.slice(start), file]);
      return;
    }
    if (done.has(file)) return;
    for (const target of graph.get(file) ?? []) visit(target, [...trail, file]);
    done.add(file);
  };
  for (const file of graph.keys()) visit(file, []);
  return circles;
}

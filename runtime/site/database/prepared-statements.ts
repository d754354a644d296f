/** Runs of a text before it is worth a name: a page sends the same texts again, a search never does. */
const runsBeforeName = 5;
/** A connection keeps each of its prepared statements, some 20 KiB of the server's memory, for as long as it lives. */
const mostNames = 300;
const mostCounted = 5_000;

/**
 * Names under which connections keep statements prepared, so that the server neither parses nor plans them again. The same
 * for all connections of this process; each prepares a statement when it first sends it.
 */
export class StatementNames {
  readonly #names = new Map<string, string>();
  #runs = new Map<string, number>();

  /** Notes a run of `text`; returns its name once it has one. */
  nameOf(text: string): string | undefined {
    const name = this.#names.get(text);
    if (name !== undefined || this.#names.size >= mostNames) return name;
    const runs = (this.#runs.get(text) ?? 0) + 1;
    if (runs >= runsBeforeName) {
      const given = `ghost_${this.#names.size}`;
      this.#names.set(text, given);
      this.#runs.delete(text);
      return given;
    }
    if (this.#runs.size >= mostCounted) this.#runs = new Map();
    this.#runs.set(text, runs);
    return undefined;
  }
}

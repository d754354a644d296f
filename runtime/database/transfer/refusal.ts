/** The transfer is not possible as things stand. Each problem says where, what was expected and what stood there. */
export class TransferRefusedError extends Error {
  readonly problems: readonly string[];
  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.name = 'TransferRefusedError';
    this.problems = problems;
  }
}

/** What was written is not what was read: everything was rolled back. */
export class VerificationError extends Error {
  readonly problems: readonly string[];
  constructor(problems: readonly string[]) {
    super(`what was written is not what was read, so everything was rolled back:\n${problems.join('\n')}`);
    this.name = 'VerificationError';
    this.problems = problems;
  }
}

/** A database did not let itself be opened. Carries no password. */
export class SourceUnavailableError extends Error {
  constructor(label: string, reason: string) {
    super(`${label}: ${reason}`);
    this.name = 'SourceUnavailableError';
  }
}

/** Problems shown before the rest is only counted. */
const shownProblems = 50;

/** Gathers problems of rows, of which there may be a million. */
export class ProblemList {
  readonly #shown: string[] = [];
  #count = 0;

  add(problem: string): void {
    this.#count += 1;
    if (this.#shown.length < shownProblems) this.#shown.push(problem);
  }

  /** @throws TransferRefusedError when there is any problem */
  refuse(): void {
    if (this.#count === 0) return;
    const more = this.#count - this.#shown.length;
    throw new TransferRefusedError([...this.#shown, ...(more === 0 ? [] : [`… and ${more} more`])]);
  }
}

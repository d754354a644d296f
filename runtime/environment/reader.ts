import { readFileSync } from 'node:fs';

/** One thing that is wrong in the environment. Never carries a secret's value. */
export interface EnvironmentProblem {
  readonly variable: string;
  readonly expected: string;
  readonly got: string;
}

/**
 * Reads variables that may be given as `NAME` or, for mounted secrets, as `NAME_FILE`, never as both, and collects
 * everything that is wrong instead of stopping at the first. An empty variable counts as not given. The convention is
 * that of the official PostgreSQL image.
 */
export class EnvironmentReader {
  readonly problems: EnvironmentProblem[] = [];
  readonly #env: NodeJS.ProcessEnv;

  constructor(env: NodeJS.ProcessEnv) {
    this.#env = env;
  }

  /** The text of a variable, or undefined where it is not given. */
  text(name: string): string | undefined {
    const direct = this.#env[name] || undefined;
    const file = this.#env[`${name}_FILE`] || undefined;
    if (direct !== undefined && file !== undefined) {
      this.report(name, `either ${name} or ${name}_FILE`, 'both');
      return undefined;
    }
    if (file === undefined) return direct;
    try {
      const content = readFileSync(file, 'utf8').replace(/\r?\n$/, '');
      if (content === '') this.report(`${name}_FILE`, 'a file with a value', `an empty file, ${file}`);
      return content || undefined;
    } catch (error) {
      this.report(`${name}_FILE`, 'a file that can be read', `${file} (${(error as NodeJS.ErrnoException).code})`);
      return undefined;
    }
  }

  /** Text that must match `pattern`; `expected` says in words what that means. */
  matching(name: string, pattern: RegExp, expected: string): string | undefined {
    const value = this.text(name);
    if (value !== undefined && !pattern.test(value)) {
      this.report(name, expected, JSON.stringify(value));
      return undefined;
    }
    return value;
  }

  /** A whole number within bounds, both included. */
  integer(name: string, fallback: number, min: number, max: number): number {
    const value = this.text(name);
    if (value === undefined) return fallback;
    if (!/^\d{1,9}$/.test(value) || Number(value) < min || Number(value) > max) {
      this.report(name, `a whole number from ${min} to ${max}`, JSON.stringify(value));
      return fallback;
    }
    return Number(value);
  }

  /** One of some words. */
  oneOf<const Word extends string>(name: string, words: readonly Word[], fallback: Word): Word {
    const value = this.text(name);
    const word = words.find((candidate) => candidate === value);
    if (value !== undefined && word === undefined)
      this.report(name, `one of ${words.join(', ')}`, JSON.stringify(value));
    return word ?? fallback;
  }

  /** Text without which the site cannot run; `expected` says what it is. Reported where it is missing. */
  required(name: string, expected: string): string {
    const before = this.problems.length;
    const value = this.text(name);
    if (value === undefined && this.problems.length === before) this.report(name, expected, 'nothing');
    return value ?? '';
  }

  report(variable: string, expected: string, got: string): void {
    this.problems.push({ variable, expected, got });
  }
}

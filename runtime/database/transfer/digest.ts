import { createHash } from 'node:crypto';
import type { CanonicalValue } from './values.ts';

const mask = (1n << 128n) - 1n;

/**
 * Count and checksum of a table's rows, whatever their order: the sum, modulo 2^128, of the first half of each row's
 * SHA-256. Equal rows do not cancel each other out, as they would in an exclusive or.
 */
export class TableDigest {
  rows = 0;
  #sum = 0n;

  add(row: readonly CanonicalValue[]): void {
    const hash = createHash('sha256');
    // Lengths keep ('ab', 'c') and ('a', 'bc') apart, and NULL from the text 'NULL'.
    hash.update(row.map((value) => (value === null ? '~' : `${value.length}:${value}`)).join(','));
    this.#sum = (this.#sum + BigInt(`0x${hash.digest('hex').slice(0, 32)}`)) & mask;
    this.rows += 1;
  }

  /** 32 hexadecimal digits. */
  get checksum(): string {
    return this.#sum.toString(16).padStart(32, '0');
  }
}

import { createHash } from 'node:crypto';

/** Length and SHA-256 of what passes through. */
export class Checksum {
  bytes = 0;
  readonly #hash = createHash('sha256');

  /** The same content, counted while it is read. */
  async *of(content: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
    for await (const chunk of content) {
      this.#hash.update(chunk);
      this.bytes += chunk.byteLength;
      yield chunk;
    }
  }

  /** Hexadecimal digits; to be asked for once, at the end. */
  sha256(): string {
    return this.#hash.digest('hex');
  }

  /** What is wrong with what passed through, if anything; to be asked for once, at the end. */
  differsFrom(expected: { readonly bytes: number; readonly sha256: string }): string | undefined {
    if (this.bytes !== expected.bytes) return `expected ${expected.bytes} bytes; got ${this.bytes}`;
    const sha256 = this.sha256();
    return sha256 === expected.sha256 ? undefined : `expected SHA-256 ${expected.sha256}; got ${sha256}`;
  }
}

/** Reads content to its end. */
export async function checksumOf(content: AsyncIterable<Uint8Array>): Promise<{ bytes: number; sha256: string }> {
  const checksum = new Checksum();
  for await (const _ of checksum.of(content));
  return { bytes: checksum.bytes, sha256: checksum.sha256() };
}

/** A file that a store holds. */
export interface StoredFile {
  readonly key: string;
  readonly bytes: number;
  readonly modified: Date;
  /** What changes with the content, where the store says so. */
  readonly etag?: string;
}

/** Files by key, such as `aurora-letters/20261125T031500Z/manifest.json`. A file appears whole or not at all. */
export interface FileStore {
  /** For people, without a secret. */
  readonly label: string;
  /** Files whose keys begin with `prefix`, a folder with its slash, sorted by key. */
  list(prefix: string): Promise<StoredFile[]>;
  write(key: string, content: AsyncIterable<Uint8Array>): Promise<void>;
  /** @throws MissingFileError */
  read(key: string): Promise<AsyncIterable<Uint8Array>>;
  remove(key: string): Promise<void>;
}

/** A store does not hold a file. */
export class MissingFileError extends Error {
  constructor(label: string, key: string) {
    super(`${label}: expected ${key}; it is not there`);
    this.name = 'MissingFileError';
  }
}

import type { Provenance, Selection, Table, TransferSource } from '../database/transfer/database.ts';

/** Where text of a database says that a site's media are, and where they are from now on. */
export interface Relocation {
  readonly from: string;
  readonly to: string;
}

/**
 * A source whose media lie elsewhere: Ghost writes the whole address of an object of a bucket into posts, settings and
 * profiles, with the prefix of the site that it was uploaded to.
 */
export class RelocatedSource implements TransferSource {
  readonly label: string;
  readonly #source: TransferSource;
  readonly #relocation: Relocation;

  constructor(source: TransferSource, relocation: Relocation) {
    this.label = source.label;
    this.#source = source;
    this.#relocation = relocation;
  }

  open(): Promise<void> {
    return this.#source.open();
  }

  readTables(): Promise<Table[]> {
    return this.#source.readTables();
  }

  readProvenance(): Promise<Provenance> {
    return this.#source.readProvenance();
  }

  countRows(table: string): Promise<number> {
    return this.#source.countRows(table);
  }

  async *readRows(selection: Selection): AsyncIterable<readonly unknown[]> {
    const { from, to } = this.#relocation;
    for await (const row of this.#source.readRows(selection))
      yield row.map((value) => (typeof value === 'string' ? value.replaceAll(from, () => to) : value));
  }

  close(): Promise<void> {
    return this.#source.close();
  }
}

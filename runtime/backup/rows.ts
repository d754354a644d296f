import { createReadStream } from 'node:fs';
import path from 'node:path';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { Provenance, Selection, Table, TransferSource } from '../database/transfer/database.ts';
import type { TableDigest } from '../database/transfer/digest.ts';
import { type CanonicalValue, canonicalise } from '../database/transfer/values.ts';
import type { BackupDatabase, BackupTable } from './manifest.ts';

/** Characters that go to the compressor at a time. */
const chunkCharacters = 65_536;

/** Rows as lines of JSON, each an array of the columns' canonical values; `digest` takes each of them. */
export async function* encodeRows(source: TransferSource, table: Table, digest: TableDigest): AsyncIterable<string> {
  const selection = selectionOf(table);
  let lines = '';
  for await (const values of source.readRows(selection)) {
    const row = selection.columns.map(({ kind }, at) => canonicalise(kind, values[at]));
    digest.add(row);
    lines += `${JSON.stringify(row)}\n`;
    if (lines.length < chunkCharacters) continue;
    yield lines;
    lines = '';
  }
  yield lines;
}

/** A type that Ghost does not use is kept as the database writes it. */
function selectionOf(table: Table): Selection {
  return { table: table.name, columns: table.columns.map(({ name, kind = 'text' }) => ({ name, kind })) };
}

/** The tables of a backup that is in a folder of this machine, its files already checked. */
export class RowsSource implements TransferSource {
  readonly label: string;
  readonly #folder: string;
  readonly #database: BackupDatabase & { kind: 'rows' };

  constructor(label: string, folder: string, database: BackupDatabase & { kind: 'rows' }) {
    this.label = label;
    this.#folder = folder;
    this.#database = database;
  }

  async open(): Promise<void> {
    // Files need no opening: nobody changes them.
  }

  async readTables(): Promise<Table[]> {
    return this.#database.tables.map(({ name, key, columns }) => ({ name, key, columns }));
  }

  async readProvenance(): Promise<Provenance> {
    return { migrations: this.#database.migrations, locked: false };
  }

  async countRows(table: string): Promise<number> {
    return this.#find(table).rows;
  }

  async *readRows({ table, columns }: Selection): AsyncIterable<readonly unknown[]> {
    const stored = this.#find(table);
    const places = columns.map(({ name }) => stored.columns.findIndex((column) => column.name === name));
    for await (const line of readLines(path.join(this.#folder, stored.file))) {
      const row = JSON.parse(line) as CanonicalValue[];
      yield columns.map(({ kind }, at) => {
        const value = row[places[at] ?? -1] ?? null;
        return kind === 'binary' && value !== null ? Buffer.from(value, 'hex') : value;
      });
    }
  }

  async close(): Promise<void> {
    // Nothing is held open.
  }

  #find(table: string): BackupTable {
    const found = this.#database.tables.find(({ name }) => name === table);
    if (found === undefined) throw new Error(`${this.label}: has no table ${table}`);
    return found;
  }
}

/** Lines end in a line feed and nothing else: text may hold every other character that readline takes for an end. */
async function* readLines(file: string): AsyncIterable<string> {
  const unpacked = createGunzip();
  // An error of either stream ends the loop below with it.
  pipeline(createReadStream(file), unpacked, () => undefined);
  unpacked.setEncoding('utf8');
  let rest = '';
  for await (const chunk of unpacked as AsyncIterable<string>) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
  if (rest !== '') yield rest;
}

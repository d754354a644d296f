import { createRequire } from 'node:module';
import path from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import type { DayWindow } from './numbers.ts';
import { readSqliteNumbers, type SqliteConstructor } from './sqlite.ts';

/** What a thread of this file is to read. */
export interface SqliteTask {
  readonly filename: string;
  /** Folder of Ghost, whose copy of better-sqlite3 is used. */
  readonly ghostPath: string;
  readonly window: DayWindow;
}

const { filename, ghostPath, window } = workerData as SqliteTask;
const Database = createRequire(path.join(ghostPath, 'package.json'))('better-sqlite3') as SqliteConstructor;
parentPort?.postMessage(readSqliteNumbers(Database, filename, window));

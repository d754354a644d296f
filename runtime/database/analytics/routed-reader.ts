import type { DayWindow, SiteNumbers } from '../../site/analytics/numbers.ts';
import type { SitePlace } from '../connection.ts';
import type { SiteReader } from './reader.ts';

/** Reads each site by the way of its strategy: SQLite sites by one reader, schemas and databases by another. */
export class RoutedReader implements SiteReader {
  readonly #readers: { readonly sqlite: SiteReader; readonly postgres: SiteReader };

  constructor(readers: { readonly sqlite: SiteReader; readonly postgres: SiteReader }) {
    this.#readers = readers;
  }

  read(place: SitePlace, window: DayWindow): Promise<SiteNumbers> {
    return this.#readers[place.strategy === 'sqlite' ? 'sqlite' : 'postgres'].read(place, window);
  }
}

import { describe, expect, it } from 'vitest';
import { formatMoney, minorUnitsOf } from '../../../runtime/platform/web/format.ts';

describe('money on a page', () => {
  it('has the decimals of its currency, however that is written', () => {
    const shown = ['eur', 'EUR', 'JPY', 'KWD'].map((currency) => formatMoney({ amount: 1_234_500, currency }));
    expect(shown.map((text) => text.replaceAll('\u00a0', ' '))).toEqual([
      '€12,345.00',
      '€12,345.00',
      '¥1,234,500',
      'KWD 1,234.500',
    ]);
    expect(['usd', 'JPY', 'KWD'].map(minorUnitsOf)).toEqual([100, 1, 1_000]);
  });
});

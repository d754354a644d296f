import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Fraction, sumFractions } from '../../../runtime/platform/billing/fraction.ts';
import {
  apportion,
  formatMoney,
  formatPercent,
  roundAmount,
  shareOf,
} from '../../../runtime/platform/billing/money.ts';

const fraction = fc
  .tuple(fc.bigInt({ min: -(10n ** 12n), max: 10n ** 12n }), fc.bigInt({ min: 1n, max: 10n ** 7n }))
  .map(([top, bottom]) => new Fraction(top, bottom));

describe('an amount', () => {
  it('is rounded once, a half away from zero, so that a credit mirrors a charge', () => {
    const rounded = (top: number, bottom: number) => roundAmount(new Fraction(top, bottom));
    expect([rounded(5, 2), rounded(-5, 2), rounded(249, 100), rounded(-249, 100), rounded(7, 1)]).toEqual([
      3, -3, 2, -2, 7,
    ]);
    expect(shareOf(-1_050, 1_900)).toBe(-shareOf(1_050, 1_900));
  });

  it('that 53 bits do not hold is refused instead of losing cents', () => {
    expect(() => roundAmount(new Fraction(2n ** 53n))).toThrow('53 bits');
  });

  it('is shown with as many decimals as its currency has', () => {
    expect(formatMoney({ amount: 123_456, currency: 'EUR' })).toBe('EUR 1,234.56');
    expect(formatMoney({ amount: -5, currency: 'USD' })).toBe('−USD 0.05');
    expect(formatMoney({ amount: 1_234_567, currency: 'JPY' })).toBe('JPY 1,234,567');
    expect(formatMoney({ amount: 1_500, currency: 'KWD' })).toBe('KWD 1.500');
    expect([formatPercent(1_900), formatPercent(770), formatPercent(5)]).toEqual(['19 %', '7.7 %', '0.05 %']);
  });
});

describe('the parts of an amount', () => {
  it('add up to the rounded whole, each less than one from what it is exactly', () => {
    fc.assert(
      fc.property(fc.array(fraction, { minLength: 1, maxLength: 12 }), (parts) => {
        const amounts = apportion(parts);
        expect(amounts.reduce((sum, amount) => sum + amount, 0)).toBe(roundAmount(sumFractions(parts)));
        for (const [index, part] of parts.entries()) {
          const amount = BigInt(amounts[index] ?? 0);
          expect(part.compare(new Fraction(amount - 1n)) > 0 && part.compare(new Fraction(amount + 1n)) < 0).toBe(true);
        }
      }),
    );
  });

  it('of equal remainders are rounded up from the first on', () => {
    const third = new Fraction(100, 3);
    expect(apportion([third, third, third])).toEqual([34, 33, 33]);
    expect(apportion([new Fraction(1, 2), new Fraction(1, 2)])).toEqual([1, 0]);
  });
});

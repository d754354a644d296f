import { describe, expect, it } from 'vitest';
import { largestQuantity, sumQuantities } from '../../../components/quantity.ts';

describe('quantities of Kubernetes', () => {
  it('are summed in the smallest of their units', () => {
    expect(sumQuantities([[3, '250m']])).toBe('750m');
    expect(
      sumQuantities([
        [2, '250m'],
        [1, '1'],
      ]),
    ).toBe('1500m');
    expect(
      sumQuantities([
        [1, '2Gi'],
        [2, '640Mi'],
      ]),
    ).toBe('3328Mi');
    expect(
      sumQuantities([
        [3, '1'],
        [1, '2'],
      ]),
    ).toBe('5');
  });

  it('are compared by what they are worth', () => {
    expect(largestQuantity(['640Mi', '1Gi', '900Mi'])).toBe('1Gi');
    expect(largestQuantity(['999m', '1', '250m'])).toBe('1');
  });

  it.each(['', 'much', '1.5Gi', '-1', '250M'])('are refused where they are no such thing: %j', (quantity) => {
    expect(() => sumQuantities([[1, quantity]])).toThrow(/expected a quantity such as 250m or 640Mi/);
    expect(() => largestQuantity([quantity, '1'])).toThrow(/expected a quantity/);
  });
});

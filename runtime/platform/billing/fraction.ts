/** An exact fraction of integers, its denominator positive. What is divided stays one of these until it is rounded once. */
export class Fraction {
  readonly numerator: bigint;
  readonly denominator: bigint;

  constructor(numerator: bigint | number, denominator: bigint | number = 1n) {
    const [top, bottom] = [BigInt(numerator), BigInt(denominator)];
    if (bottom <= 0n) throw new RangeError(`expected a positive denominator; got ${bottom}`);
    const divisor = greatestCommonDivisor(top < 0n ? -top : top, bottom);
    this.numerator = top / divisor;
    this.denominator = bottom / divisor;
  }

  plus(other: Fraction): Fraction {
    return new Fraction(
      this.numerator * other.denominator + other.numerator * this.denominator,
      this.denominator * other.denominator,
    );
  }

  /** The next integer below or equal. */
  floor(): bigint {
    const quotient = this.numerator / this.denominator;
    return this.numerator < quotient * this.denominator ? quotient - 1n : quotient;
  }

  /** The nearest integer; a half goes away from zero, so that a credit mirrors the charge it undoes. */
  round(): bigint {
    const size = this.numerator < 0n ? -this.numerator : this.numerator;
    const rounded = (2n * size + this.denominator) / (2n * this.denominator);
    return this.numerator < 0n ? -rounded : rounded;
  }

  /** Negative, zero or positive as this is less than, equal to or more than `other`. */
  compare(other: Fraction): number {
    const difference = this.numerator * other.denominator - other.numerator * this.denominator;
    return difference < 0n ? -1 : difference > 0n ? 1 : 0;
  }
}

/** Sum of fractions. */
export function sumFractions(parts: readonly Fraction[]): Fraction {
  return parts.reduce((total, part) => total.plus(part), new Fraction(0));
}

function greatestCommonDivisor(a: bigint, b: bigint): bigint {
  let [x, y] = [a, b];
  while (y !== 0n) [x, y] = [y, x % y];
  return x;
}

/** Sizes of Kubernetes' units in thousandths, so that all are whole. */
const units: Readonly<Record<string, number>> = {
  m: 1,
  '': 1_000,
  Ki: 1_000 * 1024,
  Mi: 1_000 * 1024 ** 2,
  Gi: 1_000 * 1024 ** 3,
  Ti: 1_000 * 1024 ** 4,
};

/**
 * Sum of quantities of Kubernetes, each so many times: 2 × `250m` and 1 × `1` are `1500m`.
 *
 * @throws Error where one is no number with a unit
 */
export function sumQuantities(terms: readonly (readonly [factor: number, quantity: string])[]): string {
  const parsed = terms.map(([factor, quantity]) => ({ factor, ...parseQuantity(quantity) }));
  const smallest = parsed.reduce((unit, term) => (sizeOf(term.unit) < sizeOf(unit) ? term.unit : unit), 'Ti');
  const sum = parsed.reduce((total, { factor, amount, unit }) => total + factor * amount * sizeOf(unit), 0);
  return `${sum / sizeOf(smallest)}${smallest}`;
}

/** The largest of some quantities. @throws Error where one is no number with a unit, or there is none */
export function largestQuantity(quantities: readonly string[]): string {
  const worthOf = (quantity: string) => {
    const { amount, unit } = parseQuantity(quantity);
    return amount * sizeOf(unit);
  };
  return quantities.reduce((a, b) => (worthOf(b) > worthOf(a) ? b : a));
}

function sizeOf(unit: string): number {
  return units[unit] ?? Number.NaN;
}

function parseQuantity(quantity: string): { amount: number; unit: string } {
  const [, amount, unit = ''] = /^(\d+)(m|Ki|Mi|Gi|Ti)?$/.exec(quantity) ?? [];
  if (amount === undefined)
    throw new Error(`expected a quantity such as 250m or 640Mi; got ${JSON.stringify(quantity)}`);
  return { amount: Number(amount), unit };
}

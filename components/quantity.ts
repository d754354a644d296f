/**
 * A quantity of Kubernetes times a whole number: `250m` × 3 is `750m`.
 *
 * @throws Error where `quantity` is no number with a unit
 */
export function multiplyQuantity(quantity: string, factor: number): string {
  const [, amount, unit] = /^(\d+)(m|Ki|Mi|Gi|Ti)?$/.exec(quantity) ?? [];
  if (amount === undefined)
    throw new Error(`expected a quantity such as 250m or 640Mi; got ${JSON.stringify(quantity)}`);
  return `${Number(amount) * factor}${unit ?? ''}`;
}

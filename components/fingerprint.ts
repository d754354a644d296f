import { createHash } from 'node:crypto';

/** Short text that changes with a longer one: as a pod's annotation it makes a change of configuration a change of the pod. */
export function fingerprintOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

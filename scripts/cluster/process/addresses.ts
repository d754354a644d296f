import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { $ } from 'zx';
import { UnavailableError } from '../../tools/unavailable.ts';

/** Addresses of one cluster, all out of 198.18.0.0/15, which nobody routes (RFC 2544). */
export interface Addresses {
  /** This machine's end of the link to the node, and the node's; `/30`. */
  readonly host: string;
  readonly node: string;
  readonly services: string;
  readonly pods: string;
  /** The cluster's DNS, one of `services`. */
  readonly dns: string;
  /** Where the nodes are containers: Docker's own end of its first network, and what it takes others from. */
  readonly bridge: string;
  readonly containers: string;
}

/** So many clusters can stand side by side on a machine. */
export const blockCount = 8;

/** Addresses of the cluster with a number from 0 to 7: one eighth of the range for each. */
export function addressesOf(block: number): Addresses {
  const prefix = `198.${18 + (block >> 2)}`;
  const third = (block & 3) * 64;
  return {
    host: `${prefix}.${third}.1`,
    node: `${prefix}.${third}.2`,
    services: `${prefix}.${third + 16}.0/20`,
    dns: `${prefix}.${third + 16}.10`,
    bridge: `${prefix}.${third + 8}.1/24`,
    containers: `${prefix}.${third + 12}.0/22`,
    pods: `${prefix}.${third + 32}.0/19`,
  };
}

/**
 * Addresses that a cluster has already, or free ones.
 *
 * @param run folder in which the choice is remembered
 * @throws UnavailableError where all are in use
 */
export async function chooseAddresses(run: string): Promise<Addresses> {
  const file = path.join(run, 'block');
  if (!existsSync(file)) await writeFile(file, String(await findFreeBlock()));
  return addressesOf(Number(await readFile(file, 'utf8')));
}

/** The block that an address of 198.18.0.0/15 belongs to; undefined for others. */
export function blockOf(address: string): number | undefined {
  const [first, second = 0, third = 0] = address.split(/[./]/).map(Number);
  return first === 198 && (second === 18 || second === 19) ? (second - 18) * 4 + (third >> 6) : undefined;
}

/**
 * The lowest block that nothing on this machine uses.
 *
 * @throws UnavailableError where all are in use
 */
export async function findFreeBlock(): Promise<number> {
  const used = new Set<number | undefined>();
  const addresses = JSON.parse((await $`ip -json -4 address`).stdout) as { addr_info?: { local?: string }[] }[];
  for (const { addr_info = [] } of addresses) for (const { local = '' } of addr_info) used.add(blockOf(local));
  const routes = JSON.parse((await $`ip -json -4 route show table all`).stdout) as { dst?: string }[];
  for (const { dst = '' } of routes) used.add(blockOf(dst));
  for (let block = 0; block < blockCount; block += 1) if (!used.has(block)) return block;
  throw new UnavailableError(`expected a free eighth of 198.18.0.0/15; all ${blockCount} are in use on this machine`);
}

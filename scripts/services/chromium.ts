import { type Browser, chromium as playwright } from 'playwright-core';
import { chromium, findProgram } from './debian-packages.ts';

/**
 * Starts the system's Chromium without a window and without calls home.
 *
 * @param addresses of hosts that no DNS knows, by their names
 * @throws Error when there is none on PATH
 */
export async function launchChromium(addresses: Readonly<Record<string, string>> = {}): Promise<Browser> {
  const executablePath = process.env.CHROMIUM_PATH ?? findProgram(chromium);
  if (executablePath === undefined) throw new Error('expected Chromium on PATH; found none (Debian package chromium)');
  const quiet = [
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ];
  // Chromium's sandbox needs a user that is not root.
  const sandbox = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  const rules = Object.entries(addresses).map(([host, address]) => `MAP ${host} ${address}`);
  const resolver = rules.length === 0 ? [] : [`--host-resolver-rules=${rules.join(', ')}`];
  return playwright.launch({ executablePath, args: [...quiet, ...sandbox, ...resolver] });
}

import { type Browser, chromium as playwright } from 'playwright-core';
import { chromium, findProgram } from './debian-packages.ts';

/**
 * Starts the system's Chromium without a window and without calls home.
 *
 * @throws Error when there is none on PATH
 */
export async function launchChromium(): Promise<Browser> {
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
  return playwright.launch({ executablePath, args: [...quiet, ...sandbox] });
}

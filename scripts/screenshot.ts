import path from 'node:path';
import { parseArgs } from 'node:util';
import { runCommand } from './command.ts';
import { launchChromium } from './services/chromium.ts';

const usage = `usage: npm run screenshot [-- --port 8080] [--creator mira@example.com] [--out <folder>]

Takes the README's pictures of a running fleet (npm start -- --demo) with the system's Chromium: fleet.png and dashboard.png.

  --port <port>       of the fleet (default: 8080)
  --creator <e-mail>  whose dashboard (default: mira@example.com)
  --out <folder>      default: .github`;

await runCommand(async () => {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '8080' },
      creator: { type: 'string', default: 'mira@example.com' },
      out: { type: 'string', default: '.github' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const browser = await launchChromium();
  try {
    const page = await browser.newPage({ viewport: { width: 1100, height: 460 }, deviceScaleFactor: 1 });
    await page.goto(`http://localhost:${values.port}/`);
    await page.screenshot({ path: path.join(values.out, 'fleet.png') });
    await page.goto(`http://platform.localhost:${values.port}/`);
    await page.getByLabel('E-mail').fill(values.creator);
    await page.getByRole('button', { name: 'Send me a link' }).click();
    await page.locator('.notice a').click();
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.locator('.spark').first().waitFor();
    await page.screenshot({ path: path.join(values.out, 'dashboard.png') });
    console.log(`wrote fleet.png and dashboard.png to ${values.out}`);
    return 0;
  } finally {
    await browser.close();
  }
});

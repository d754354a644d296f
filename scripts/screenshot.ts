import { parseArgs } from 'node:util';
import { runCommand } from './command.ts';
import { launchChromium } from './services/chromium.ts';

const usage = `usage: npm run screenshot [-- --port 8080] [--out <file.png>]

Takes the README's picture of a running fleet (npm start) with the system's Chromium.

  --port <port>   of the fleet (default: 8080)
  --out <file>    default: .github/fleet.png`;

await runCommand(async () => {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '8080' },
      out: { type: 'string', default: '.github/fleet.png' },
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
    await page.goto(`http://platform.localhost:${values.port}/`);
    await page.screenshot({ path: values.out });
    console.log(`wrote ${values.out}`);
    return 0;
  } finally {
    await browser.close();
  }
});

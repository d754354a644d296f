import { main } from '@pulumi/pulumi/provider/index.js';
import { FleetProvider } from './plugin.ts';

// The engine holds the other end of standard input: where it was killed, the plugin goes with it.
process.stdin.once('end', () => process.exit()).resume();

await main(new FleetProvider(), process.argv.slice(2));

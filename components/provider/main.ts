import { main } from '@pulumi/pulumi/provider/index.js';
import { FleetProvider } from './plugin.ts';

// The engine holds the other end of standard input: where it was killed, the plugin goes with it.
process.stdin.once('end', () => process.exit()).resume();
// The engine's way to end it. An exit in order keeps what Node has compiled, where there is a cache for that.
process.once('SIGTERM', () => process.exit());

await main(new FleetProvider(), process.argv.slice(2));

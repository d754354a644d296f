import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import { implementAnalyzer, type Pack } from './analyzer.ts';
import { AnalyzerService, grpc } from './protocol.ts';

// The engine holds the other end of standard input: where it was killed, the pack goes with it.
process.stdin.once('end', () => process.exit()).resume();

const pack = parse(readFileSync(path.join(import.meta.dirname, 'PulumiPolicy.yaml'), 'utf8')) as Pack;
const server = new grpc.Server({ 'grpc.max_receive_message_length': -1, 'grpc.max_send_message_length': -1 });
server.addService(AnalyzerService, implementAnalyzer(pack));
server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) throw error;
  // The engine reads the port from the first line.
  console.log(port);
});

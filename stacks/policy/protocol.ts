import { createRequire } from 'node:module';

// Generated code that assigns its exports where no static analysis finds them: an import would have no names.
const require = createRequire(import.meta.url);

/** gRPC as Pulumi itself has it: its generated services and a second copy would not know each other's classes. */
export const grpc: typeof import('@grpc/grpc-js') = createRequire(require.resolve('@pulumi/pulumi'))('@grpc/grpc-js');

/** Pulumi's protocol between engine and policy pack. */
export const messages: typeof import('@pulumi/pulumi/proto/analyzer_pb.js') = require('@pulumi/pulumi/proto/analyzer_pb.js');

export const {
  AnalyzerService,
}: typeof import('@pulumi/pulumi/proto/analyzer_grpc_pb.js') = require('@pulumi/pulumi/proto/analyzer_grpc_pb.js');

export const {
  PluginInfo,
}: typeof import('@pulumi/pulumi/proto/plugin_pb.js') = require('@pulumi/pulumi/proto/plugin_pb.js');

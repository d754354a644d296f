import { createRequire } from 'node:module';

// Generated code that assigns its exports where no static analysis finds them: an import would have no names.
const require = createRequire(import.meta.url);

/** Pulumi's protocol between engine and provider. */
export const messages: typeof import('@pulumi/pulumi/proto/provider_pb.js') = require('@pulumi/pulumi/proto/provider_pb.js');

export const service: typeof import('@pulumi/pulumi/proto/provider_grpc_pb.js') = require('@pulumi/pulumi/proto/provider_grpc_pb.js');

export const {
  PluginInfo,
}: typeof import('@pulumi/pulumi/proto/plugin_pb.js') = require('@pulumi/pulumi/proto/plugin_pb.js');

export const {
  Struct,
}: typeof import('google-protobuf/google/protobuf/struct_pb.js') = require('google-protobuf/google/protobuf/struct_pb.js');

export const {
  Empty,
}: typeof import('google-protobuf/google/protobuf/empty_pb.js') = require('google-protobuf/google/protobuf/empty_pb.js');

export const {
  Any,
}: typeof import('google-protobuf/google/protobuf/any_pb.js') = require('google-protobuf/google/protobuf/any_pb.js');

export const {
  Status,
}: typeof import('@pulumi/pulumi/proto/status_pb.js') = require('@pulumi/pulumi/proto/status_pb.js');

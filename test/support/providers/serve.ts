import * as grpc from '@grpc/grpc-js';
import type {
  CheckRequest,
  ConfigureRequest,
  CreateRequest,
  DeleteRequest,
  DiffRequest,
  DiffResponse,
  InvokeRequest,
  ReadRequest,
  UpdateRequest,
} from '@pulumi/pulumi/proto/provider_pb.js';
import { changedPaths, type Properties } from './properties.ts';
import { Any, Empty, messages, PluginInfo, Status, Struct, service } from './protocol.ts';

/** What changed between two sets of inputs. */
export interface Difference {
  /** Dotted paths of what changed. */
  readonly changed: readonly string[];
  /** Those among them that no update can reach. */
  readonly replacing: readonly string[];
  readonly deleteBeforeReplace: boolean;
}

/**
 * A provider that stands in for upstream's in tests. Secrets come and go in the open: the engine itself keeps a property
 * secret on the way back when it was secret on the way here, and the SDK names further ones (`additionalSecretOutputs`).
 */
export interface StandInProvider {
  readonly name: string;
  /** That of the npm package whose programs it serves. */
  readonly version: string;
  configure(settings: Properties): Promise<void>;
  /** Inputs with defaults filled in. */
  check(urn: string, before: Properties, inputs: Properties): Promise<Properties>;
  /** @param before the inputs of the last run; `stored` is what that made of them */
  diff(urn: string, before: Properties, inputs: Properties, stored: Properties): Difference;
  /** @param seconds that the program allows; undefined for the provider's own default */
  create(
    urn: string,
    inputs: Properties,
    preview: boolean,
    seconds?: number,
  ): Promise<{ id: string; properties: Properties }>;
  update(urn: string, id: string, inputs: Properties, preview: boolean, seconds?: number): Promise<Properties>;
  /** Undefined where the resource is gone. */
  read(
    urn: string,
    id: string,
    inputs: Properties,
    properties: Properties,
  ): Promise<{ id: string; inputs: Properties; properties: Properties } | undefined>;
  delete(urn: string, id: string, properties: Properties): Promise<void>;
  invoke(token: string, args: Properties): Promise<Properties>;
}

/** The resource exists and does not work: the engine records it, fails the update, and tries again in the next one. */
export class InitialisationError extends Error {
  readonly id: string;
  readonly properties: Properties;
  constructor(message: string, id: string, properties: Properties) {
    super(message);
    this.name = 'InitialisationError';
    this.id = id;
    this.properties = properties;
  }
}

const engineCheckMs = 1000;

/** Serves the provider on a free port of the loopback interface, which it prints first, until the engine is gone. */
export function serve(provider: StandInProvider): void {
  const server = new grpc.Server({ 'grpc.max_receive_message_length': -1, 'grpc.max_send_message_length': -1 });
  server.addService(service.ResourceProviderService, implement(provider));
  server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) => {
    if (error) throw error;
    console.log(port);
  });
  // An engine that is killed tells nobody; its orphans are adopted by another process.
  const engine = process.ppid;
  setInterval(() => process.ppid === engine || process.exit(), engineCheckMs).unref();
  process.on('SIGTERM', () => process.exit());
}

function implement(provider: StandInProvider): grpc.UntypedServiceImplementation {
  return {
    handshake: answer(async () => new messages.ProviderHandshakeResponse()),
    attach: answer(async () => new Empty()),
    cancel: answer(async () => new Empty()),
    getPluginInfo: answer(async () => new PluginInfo().setVersion(provider.version)),
    getSchema: answer(async () => new messages.GetSchemaResponse().setSchema(JSON.stringify({ name: provider.name }))),
    checkConfig: answer(async (request: CheckRequest) => new messages.CheckResponse().setInputs(request.getNews())),
    diffConfig: answer(async (request: DiffRequest) => {
      const changed = changedPaths(read(request.getOldInputs()), read(request.getNews()));
      return writeDifference({ changed, replacing: [], deleteBeforeReplace: false });
    }),
    configure: answer(async (request: ConfigureRequest) => {
      await provider.configure(read(request.getArgs()));
      return new messages.ConfigureResponse().setSupportspreview(true);
    }),
    invoke: answer(async (request: InvokeRequest) => {
      const result = await provider.invoke(request.getTok(), read(request.getArgs()));
      return new messages.InvokeResponse().setReturn(write(result));
    }),
    check: answer(async (request: CheckRequest) => {
      const inputs = await provider.check(request.getUrn(), read(request.getOlds()), read(request.getNews()));
      return new messages.CheckResponse().setInputs(write(inputs));
    }),
    diff: answer(async (request: DiffRequest) =>
      writeDifference(
        provider.diff(request.getUrn(), read(request.getOldInputs()), read(request.getNews()), read(request.getOlds())),
      ),
    ),
    create: answer(async (request: CreateRequest) => {
      const inputs = read(request.getProperties());
      const seconds = request.getTimeout() || undefined;
      const made = await provider.create(request.getUrn(), inputs, request.getPreview(), seconds);
      return new messages.CreateResponse().setId(made.id).setProperties(write(made.properties));
    }),
    update: answer(async (request: UpdateRequest) => {
      const inputs = read(request.getNews());
      const seconds = request.getTimeout() || undefined;
      const updated = await provider.update(request.getUrn(), request.getId(), inputs, request.getPreview(), seconds);
      return new messages.UpdateResponse().setProperties(write(updated));
    }),
    read: answer(async (request: ReadRequest) => {
      const [inputs, properties] = [read(request.getInputs()), read(request.getProperties())];
      const found = await provider.read(request.getUrn(), request.getId(), inputs, properties);
      if (found === undefined) return new messages.ReadResponse();
      const response = new messages.ReadResponse().setId(found.id);
      return response.setInputs(write(found.inputs)).setProperties(write(found.properties));
    }),
    delete: answer(async (request: DeleteRequest) => {
      await provider.delete(request.getUrn(), request.getId(), read(request.getProperties()));
      return new Empty();
    }),
  };
}

function answer<Request, Response>(respond: (request: Request) => Promise<Response>) {
  return (call: grpc.ServerUnaryCall<Request, Response>, callback: grpc.sendUnaryData<Response>): void => {
    respond(call.request).then(
      (response) => callback(null, response),
      (error: Error) => callback({ code: grpc.status.UNKNOWN, details: error.message, metadata: detail(error) }),
    );
  };
}

/** What gRPC carries beside an error's text, in the form that Go's library writes and reads. */
function detail(error: Error): grpc.Metadata {
  const metadata = new grpc.Metadata();
  if (!(error instanceof InitialisationError)) return metadata;
  const failed = new messages.ErrorResourceInitFailed()
    .setId(error.id)
    .setProperties(write(error.properties))
    .setReasonsList([error.message]);
  const packed = new Any();
  packed.pack(failed.serializeBinary(), 'pulumirpc.ErrorResourceInitFailed');
  const status = new Status().setCode(grpc.status.UNKNOWN).setMessage(error.message).setDetailsList([packed]);
  metadata.add('grpc-status-details-bin', Buffer.from(status.serializeBinary()));
  return metadata;
}

function writeDifference(difference: Difference): DiffResponse {
  const { DiffChanges } = messages.DiffResponse;
  const response = new messages.DiffResponse()
    .setChanges(difference.changed.length > 0 ? DiffChanges.DIFF_SOME : DiffChanges.DIFF_NONE)
    .setDiffsList([...difference.changed])
    .setReplacesList([...difference.replacing])
    .setDeletebeforereplace(difference.deleteBeforeReplace)
    .setHasdetaileddiff(true);
  const { UPDATE, UPDATE_REPLACE } = messages.PropertyDiff.Kind;
  for (const path of difference.changed) {
    const kind = difference.replacing.includes(path) ? UPDATE_REPLACE : UPDATE;
    response.getDetaileddiffMap().set(path, new messages.PropertyDiff().setKind(kind).setInputdiff(true));
  }
  return response;
}

function read(given: { toJavaScript(): unknown } | undefined): Properties {
  return (given?.toJavaScript() ?? {}) as Properties;
}

function write(properties: Properties) {
  return Struct.fromJavaScript(properties as Parameters<typeof Struct.fromJavaScript>[0]);
}

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import path from 'node:path';
import { createInterface } from 'node:readline';

// gRPC and its messages are Pulumi's own dependencies: they are taken from where Pulumi finds them.
const pulumiRequire = createRequire(createRequire(import.meta.url).resolve('@pulumi/pulumi'));
const grpc = pulumiRequire('@grpc/grpc-js') as {
  credentials: { createInsecure(): unknown };
};
const { ResourceProviderClient } = pulumiRequire('@pulumi/pulumi/proto/provider_grpc_pb.js') as {
  ResourceProviderClient: new (address: string, credentials: unknown) => Record<string, unknown> & { close(): void };
};
const messages = pulumiRequire('@pulumi/pulumi/proto/provider_pb.js') as Record<string, new () => Message>;
const { Struct } = pulumiRequire('google-protobuf/google/protobuf/struct_pb.js') as {
  Struct: { fromJavaScript(value: object): unknown };
};

/** A message of the provider's protocol, whose accessors are called by name. */
type Message = Record<string, (...values: unknown[]) => unknown>;

export interface CheckOutcome {
  readonly failures: { readonly property: string; readonly reason: string }[];
}

/** This project's provider as Pulumi's engine runs it: the plugin's own executable, spoken to by gRPC. */
export class PluginProcess {
  readonly #child: ChildProcess;
  readonly #client: Record<string, unknown> & { close(): void };

  private constructor(child: ChildProcess, client: Record<string, unknown> & { close(): void }) {
    this.#child = child;
    this.#client = client;
  }

  static async start(): Promise<PluginProcess> {
    const bin = path.resolve('components/provider/pulumi-resource-fleet');
    const child = spawn(bin, ['127.0.0.1:1'], { stdio: ['pipe', 'pipe', 'inherit'] });
    const [port] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
    return new PluginProcess(child, new ResourceProviderClient(`127.0.0.1:${port}`, grpc.credentials.createInsecure()));
  }

  /** What the engine asks before it plans. */
  async check(type: string, news: object, olds: object = {}): Promise<CheckOutcome> {
    const answer = await this.#call('check', 'CheckRequest', { Urn: urnOf(type), News: news, Olds: olds });
    const failures = ((answer.getFailuresList?.() ?? []) as Message[]).map((failure) => ({
      property: String(failure.getProperty?.()),
      reason: String(failure.getReason?.()),
    }));
    return { failures };
  }

  /** Whether a change is seen, and which inputs would replace the resource. */
  async diff(type: string, olds: object, news: object): Promise<{ changes: boolean; replaces: string[] }> {
    const answer = await this.#call('diff', 'DiffRequest', { Id: 'id', Urn: urnOf(type), Olds: olds, News: news });
    return { changes: answer.getChanges?.() === 2, replaces: answer.getReplacesList?.() as string[] };
  }

  async create(type: string, inputs: object): Promise<{ id: string; state: Record<string, unknown> }> {
    const answer = await this.#call('create', 'CreateRequest', { Urn: urnOf(type), Properties: inputs });
    return { id: String(answer.getId?.()), state: toJavaScript(answer.getProperties?.()) };
  }

  async update(type: string, olds: object, news: object): Promise<Record<string, unknown>> {
    const request = { Id: 'id', Urn: urnOf(type), Olds: olds, News: news };
    return toJavaScript((await this.#call('update', 'UpdateRequest', request)).getProperties?.());
  }

  /** The state as it is now; undefined where the resource is gone. */
  async read(type: string, state: object): Promise<Record<string, unknown> | undefined> {
    const answer = await this.#call('read', 'ReadRequest', { Id: 'id', Urn: urnOf(type), Properties: state });
    return answer.getId?.() === '' ? undefined : toJavaScript(answer.getProperties?.());
  }

  async delete(type: string, state: object): Promise<void> {
    await this.#call('delete', 'DeleteRequest', { Id: 'id', Urn: urnOf(type), Properties: state });
  }

  /** Closes standard input, as an engine that was killed does, and waits for the plugin to go. */
  async orphan(): Promise<number | null> {
    this.#client.close();
    this.#child.stdin?.end();
    const [code] = (await once(this.#child, 'exit')) as [number | null];
    return code;
  }

  #call(method: string, message: string, fields: Record<string, unknown>): Promise<Message> {
    const request = new (messages[message] as new () => Message)();
    for (const [field, value] of Object.entries(fields)) {
      request[`set${field}`]?.(typeof value === 'object' && value !== null ? Struct.fromJavaScript(value) : value);
    }
    return new Promise((resolve, reject) => {
      const invoke = this.#client[method] as (
        request: Message,
        done: (error: Error | null, answer: Message) => void,
      ) => void;
      invoke.call(this.#client, request, (error, answer) => (error === null ? resolve(answer) : reject(error)));
    });
  }
}

/** Marks a value as secret, in Pulumi's wire format. */
export function secret(value: unknown): object {
  return { '4dabf18193072939515e22adb298388d': '1b47061264138c4ac30d75fd1eb44270', value };
}

/** Stands for a value that is not known yet. */
export const unknownValue = '04da6b54-80e4-46f7-96ec-b56ff0331ba9';

function urnOf(type: string): string {
  return `urn:pulumi:test::ghost-fleet::ghost-fleet:components:CreatorSite$fleet:index:${type}::name`;
}

function toJavaScript(struct: unknown): Record<string, unknown> {
  return (struct as { toJavaScript(): Record<string, unknown> }).toJavaScript();
}

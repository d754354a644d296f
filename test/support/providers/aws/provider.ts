import { createHash } from 'node:crypto';
import { appendFile } from 'node:fs/promises';
import { changedPaths, type Properties } from '../properties.ts';
import type { Difference, StandInProvider } from '../serve.ts';

/** An account that AWS gives to nobody. */
const account = '000000000000';

/**
 * Lets the real engine preview programs that use npm's @pulumi/aws. It validates nothing and talks to nobody; only with
 * a file to record in does it pretend to create, and writes there what it was given, a line of JSON a resource.
 */
export class AwsStandIn implements StandInProvider {
  readonly name = 'aws';
  readonly version: string;
  readonly #recordFile: string | undefined;

  /** @param recordFile where pretended changes are recorded; without it only previews work */
  constructor(version: string, recordFile?: string) {
    this.version = version;
    this.#recordFile = recordFile;
  }

  async configure(): Promise<void> {
    return;
  }

  async check(_urn: string, _before: Properties, inputs: Properties): Promise<Properties> {
    return inputs;
  }

  diff(_urn: string, before: Properties, inputs: Properties): Difference {
    const changed = changedPaths(before, inputs).filter((path) => !path.startsWith('__'));
    return { changed, replacing: [], deleteBeforeReplace: false };
  }

  async create(urn: string, inputs: Properties, preview: boolean): Promise<{ id: string; properties: Properties }> {
    if (preview) return { id: '', properties: inputs };
    await this.#record('create', urn, inputs);
    const id = `stand-in-${createHash('sha256').update(urn).digest('hex').slice(0, 12)}`;
    return { id, properties: { ...inputs, arn: `arn:aws:stand-in::${account}:${id}` } };
  }

  async update(urn: string, id: string, inputs: Properties, preview: boolean): Promise<Properties> {
    if (!preview) await this.#record('update', urn, inputs);
    return { ...inputs, arn: `arn:aws:stand-in::${account}:${id}` };
  }

  async read(
    _urn: string,
    id: string,
    inputs: Properties,
    properties: Properties,
  ): Promise<{ id: string; inputs: Properties; properties: Properties }> {
    return { id, inputs, properties };
  }

  async delete(urn: string, _id: string, properties: Properties): Promise<void> {
    await this.#record('delete', urn, properties);
  }

  async invoke(token: string, args: Properties): Promise<Properties> {
    switch (token.replace(/\/[^:]*/, '')) {
      case 'aws:index:getCallerIdentity':
        return { accountId: account, id: account, arn: `arn:aws:iam::${account}:root`, userId: account };
      case 'aws:index:getPartition':
        return { partition: 'aws', dnsSuffix: 'amazonaws.com', id: 'aws' };
      case 'aws:index:getRegion':
        return { region: args.region ?? 'eu-central-1', id: args.region ?? 'eu-central-1' };
      default:
        throw new Error(`${token}: the stand-in for the aws provider does not know this function`);
    }
  }

  async #record(operation: string, urn: string, properties: Properties): Promise<void> {
    if (this.#recordFile === undefined) {
      throw new Error(
        `the aws provider here is a stand-in that can only preview: expected upstream's for ${operation} of ${urn}`,
      );
    }
    await appendFile(this.#recordFile, `${JSON.stringify({ operation, urn, properties })}\n`, { mode: 0o600 });
  }
}

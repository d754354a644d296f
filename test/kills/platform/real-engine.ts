import { cp, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { stringify } from 'yaml';
import { stopWhenInterrupted } from '../../../scripts/bench/interruption.ts';
import type { PostgresServer } from '../../../scripts/services/postgres.ts';
import { shardStackName } from '../../../stacks/settings.ts';
import type { ApiServer } from '../../support/engine/api-server.ts';
import { containerEnvironment, readSecret } from '../../support/engine/container-environment.ts';
import { copyFleetOnto, environmentOn } from '../../support/engine/fleet-project.ts';
import { installGatewayApi } from '../../support/engine/gateway-api.ts';
import type { PulumiProject } from '../../support/engine/project.ts';
import { startEngine } from '../../support/engine/start-engine.ts';
import { baseDomain } from './names.ts';

const namespace = 'fleet';
const shard = 0;

/**
 * This project's own program on Pulumi's engine and a Kubernetes API: its platform stack is deployed, and its first shard
 * is what `npm run up` in a checkout works on.
 */
export class RealEngine {
  readonly project: PulumiProject;
  /** What `npm run up` finds its backend, its passphrase and its cluster by. */
  readonly variables: Readonly<Record<string, string>>;
  readonly #kubernetes: ApiServer;

  private constructor(project: PulumiProject, variables: Readonly<Record<string, string>>, kubernetes: ApiServer) {
    this.project = project;
    this.variables = variables;
    this.#kubernetes = kubernetes;
  }

  /**
   * Starts the Kubernetes API and deploys the platform stack, the platform's database among it, without its tables.
   *
   * @param dir an empty folder
   */
  static async start(dir: string, postgres: PostgresServer, shards: number): Promise<RealEngine> {
    const parts = await startEngine(dir);
    const { kubernetes } = parts;
    stopWhenInterrupted(() => kubernetes.stop());
    await installGatewayApi(kubernetes.api);
    const bed = { ...parts, dir, postgres };
    const project = await copyFleetOnto(bed, 'project', {
      sites: [],
      settings: {
        baseDomain,
        namespace,
        shards,
        images: { site: 'ghost-fleet/site:dev', platform: 'ghost-fleet/platform:dev' },
        mail: { host: 'smtp.example.test', from: 'fleet@example.test' },
        platform: { enabled: true },
      },
    });
    const { variables } = environmentOn(bed);
    const engine = new RealEngine(project, variables, kubernetes);
    await engine.#completeCheckout();
    await project.up('--skip-preview');
    return engine;
  }

  /** Stack of the shard. */
  get stack(): string {
    return shardStackName(this.project.stack, shard);
  }

  /** What the platform's pods are told in secret. */
  platformSecrets(): Promise<Readonly<Record<string, string>>> {
    return readSecret(this.#kubernetes.api, namespace, 'platform');
  }

  /** What a site's container is told; undefined where it has no Deployment. */
  environmentOf(slug: string): Promise<Readonly<Record<string, string>> | undefined> {
    return containerEnvironment(this.#kubernetes.api, slug);
  }

  /**
   * Asks the engine whether the stack of the shard is what the registry says, and nothing is left half done.
   *
   * @param checkout of the repository
   * @returns what is wrong, a line each
   */
  async judge(checkout: string): Promise<string[]> {
    const args = ['preview', '--cwd', checkout, '--stack', this.stack, '--expect-no-changes'];
    const { exitCode, output } = await this.project.start(args).ended;
    return exitCode === 0 ? [] : [`${this.stack} is not what the registry says:\n${output}`];
  }

  stop(): Promise<void> {
    return this.#kubernetes.stop();
  }

  /** What `npm run up` needs beside the program, and the stack of the shard. */
  async #completeCheckout(): Promise<void> {
    const { dir } = this.project;
    for (const name of ['scripts', 'test/support', 'package-lock.json'])
      await cp(path.resolve(name), path.join(dir, name), { recursive: true });
    const config = { 'ghost-fleet:platformStack': this.project.stack, 'ghost-fleet:shard': shard };
    await writeFile(path.join(dir, 'stacks', `Pulumi.${this.stack}.yaml`), stringify({ config }));
    const { exitCode, output } = await this.project.start(['stack', 'init', this.stack]).ended;
    if (exitCode !== 0) throw new Error(`${this.stack}: ${output}`);
  }
}

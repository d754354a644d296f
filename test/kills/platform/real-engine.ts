import { cp, readdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { stringify } from 'yaml';
import { stopWhenInterrupted } from '../../../scripts/bench/interruption.ts';
import { engineEnvironment } from '../../../scripts/engine/environment.ts';
import type { PostgresServer } from '../../../scripts/services/postgres.ts';
import { installTools } from '../../../scripts/tools/install.ts';
import { shardStackName } from '../../../stacks/settings.ts';
import { type ApiServer, startApiServer } from '../../support/engine/api-server.ts';
import { containerEnvironment, readSecret } from '../../support/engine/container-environment.ts';
import { installGatewayApi } from '../../support/engine/gateway-api.ts';
import { PulumiProject } from '../../support/engine/project.ts';
import { baseDomain, clusterName } from './names.ts';

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
  static async start(dir: string, { port, password }: PostgresServer, shards: number): Promise<RealEngine> {
    const tools = await installTools({ root: path.resolve('.'), sets: ['engine', 'api-server'] });
    const { PATH, HOME } = process.env;
    const environment = await engineEnvironment(path.join(dir, 'pulumi'), tools, { PATH, HOME });
    const kubernetes = await startApiServer(path.join(dir, 'kubernetes'), tools.bin);
    stopWhenInterrupted(() => kubernetes.stop());
    const variables = { ...environment.variables, KUBECONFIG: kubernetes.kubeconfig };
    const server = { kind: 'external', host: '127.0.0.1', port, ssl: 'off', cidrs: ['10.0.0.0/8'] };
    await installGatewayApi(kubernetes.api);
    const project = await PulumiProject.copyFleet(
      path.join(dir, 'project'),
      { ...environment, variables },
      {
        databaseStrategy: 'database',
        baseDomain,
        region: 'eu',
        namespace,
        shards,
        clusters: [{ name: clusterName, region: 'eu', ...server }],
        images: { site: 'ghost-fleet/site:dev', platform: 'ghost-fleet/platform:dev' },
        mail: { host: 'smtp.example.test', from: 'fleet@example.test' },
        platform: { enabled: true },
      },
      { 'ghost-fleet:clusterPasswords': JSON.stringify({ [clusterName]: password }) },
    );
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

  /** What `npm run up` needs beside the program, and the stack of the shard; the registry is empty. */
  async #completeCheckout(): Promise<void> {
    const { dir } = this.project;
    for (const name of ['scripts', 'test/support', 'package-lock.json'])
      await cp(path.resolve(name), path.join(dir, name), { recursive: true });
    const registry = path.join(dir, 'sites');
    for (const file of await readdir(registry)) if (file.endsWith('.yaml')) await rm(path.join(registry, file));
    const config = { 'ghost-fleet:platformStack': this.project.stack, 'ghost-fleet:shard': shard };
    await writeFile(path.join(dir, 'stacks', `Pulumi.${this.stack}.yaml`), stringify({ config }));
    const { exitCode, output } = await this.project.start(['stack', 'init', this.stack]).ended;
    if (exitCode !== 0) throw new Error(`${this.stack}: ${output}`);
  }
}

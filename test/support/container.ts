import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { chown, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { type ImageConfiguration, readConfiguration, unpackImage } from '../../scripts/image/archive.ts';
import { findProgram, runc } from '../../scripts/services/debian-packages.ts';
import { SiteUnderTest } from './site-process.ts';

/** User and group of the container, as components/pod-security.ts has them. */
const user = 1000;

/** Where the image of a site has its content folder. */
const contentPath = '/var/lib/ghost/content';

/** An image that was unpacked, whose containers run on runc as a cluster's pods do, but on this machine's own network. */
export class UnpackedImage {
  readonly root: string;
  readonly configuration: ImageConfiguration;
  readonly #dir: string;

  private constructor(dir: string, configuration: ImageConfiguration) {
    this.#dir = dir;
    this.root = path.join(dir, 'rootfs');
    this.configuration = configuration;
  }

  /** @param dir where the root of the image and the state of its containers go */
  static async unpack(archive: string, dir: string): Promise<UnpackedImage> {
    const image = new UnpackedImage(dir, await readConfiguration(archive));
    await unpackImage(archive, image.root);
    return image;
  }

  /**
   * Starts a container: not as root, its root read-only, no capability, nothing to gain, `/tmp` and the content folder
   * writable.
   *
   * @param env what the container is told beside the image's own environment
   * @param content folder of this machine that becomes the container's content folder, where the image has one
   */
  async start(
    env: Readonly<Record<string, string>>,
    content: string | undefined,
    args: readonly string[] = [],
  ): Promise<Container> {
    const { Entrypoint, Env, WorkingDir } = this.configuration;
    const id = `ghost-fleet-test-${randomUUID()}`;
    const bundle = path.join(this.#dir, id);
    await mkdir(bundle);
    if (content !== undefined) {
      await mkdir(content, { recursive: true });
      await chown(content, user, user);
    }
    const none = { bounding: [], effective: [], inheritable: [], permitted: [], ambient: [] };
    const inside = content === undefined ? env : { ...env, CONTENT_PATH: contentPath };
    const mount = { destination: contentPath, type: 'none', source: content, options: ['rbind', 'rw'] };
    const specification = {
      ociVersion: '1.0.2',
      process: {
        user: { uid: user, gid: user },
        args: [...Entrypoint, ...args],
        env: [...Env, ...Object.entries(inside).map(([name, value]) => `${name}=${value}`)],
        cwd: WorkingDir,
        capabilities: none,
        noNewPrivileges: true,
      },
      root: { path: this.root, readonly: true },
      hostname: 'site',
      mounts: [
        { destination: '/proc', type: 'proc', source: 'proc' },
        { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'strictatime', 'mode=755'] },
        { destination: '/tmp', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'nodev', 'mode=1777'] },
        ...(content === undefined ? [] : [mount]),
      ],
      linux: { namespaces: ['pid', 'ipc', 'uts', 'mount'].map((type) => ({ type })) },
    };
    await writeFile(path.join(bundle, 'config.json'), JSON.stringify(specification));
    return new Container(inside, id, bundle, path.join(this.#dir, 'state'));
  }
}

/** A container of an image. */
export class Container extends SiteUnderTest {
  readonly #id: string;
  readonly #state: string;

  constructor(env: Readonly<Record<string, string>>, id: string, bundle: string, state: string) {
    super(env, [], [program(), `--root=${state}`, 'run', `--bundle=${bundle}`, id]);
    this.#id = id;
    this.#state = state;
  }

  /** Ends the container however it is; what started it would not, had it been killed itself. */
  async remove(): Promise<void> {
    const run = promisify(execFile);
    await run(program(), [`--root=${this.#state}`, 'delete', '--force', this.#id]);
    await this.exited();
  }

  /** Runs JavaScript in the container and gives what it prints. */
  async evaluate(script: string): Promise<string> {
    const run = promisify(execFile);
    const { stdout } = await run(program(), [`--root=${this.#state}`, 'exec', this.#id, 'node', '-e', script]);
    return stdout.trim();
  }
}

function program(): string {
  const found = findProgram(runc);
  if (found === undefined) throw new Error('expected runc (npm test installs it)');
  return found;
}

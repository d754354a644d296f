import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { changedPaths, hasUnknowns, isObject, type Properties, valueAt } from '../properties.ts';
import { type Difference, InitialisationError, type StandInProvider } from '../serve.ts';
import { ApiError, KubernetesApi } from './api.ts';
import { keepsName, replacingPaths } from './immutable.ts';
import { readKubeconfig } from './kubeconfig.ts';
import { mustBeReplaced, NotReadyError, untilReady } from './readiness.ts';

const fieldManager = 'pulumi-kubernetes';
const deletionSeconds = 300;

/**
 * Serves the objects of npm's @pulumi/kubernetes on a real API server by server-side apply with strict validation; a
 * preview asks the server with a dry run. It waits for Deployments, StatefulSets and Jobs. Not upstream's provider: it waits
 * for nothing else, and has no Helm, YAML, Kustomize or patch resources.
 */
export class KubernetesStandIn implements StandInProvider {
  readonly name = 'kubernetes';
  readonly version: string;
  #api: KubernetesApi | undefined;
  #upsert = false;

  constructor(version: string) {
    this.version = version;
  }

  async configure(settings: Properties): Promise<void> {
    const given = settings.kubeconfig || process.env.KUBECONFIG;
    const upsert = settings.upsertExistingObjects ?? process.env.PULUMI_K8S_UPSERT_EXISTING_OBJECTS;
    this.#upsert = String(upsert) === 'true';
    if (typeof given !== 'string' || hasUnknowns(given)) return;
    const access = readKubeconfig(given, settings.context as string | undefined);
    this.#api = new KubernetesApi(
      typeof settings.namespace === 'string' ? { ...access, namespace: settings.namespace } : access,
    );
  }

  async check(urn: string, before: Properties, inputs: Properties): Promise<Properties> {
    for (const field of ['apiVersion', 'kind']) {
      if (typeof inputs[field] !== 'string') throw new Error(`${field}: expected a name; got ${inputs[field]}`);
    }
    const metadata = isObject(inputs.metadata) ? inputs.metadata : {};
    if (metadata.name !== undefined) return inputs;
    // As upstream names what has no name: the resource's, with an ending that stays for its life.
    const given = urn.slice(urn.lastIndexOf('::') + 2).toLowerCase();
    const name = valueAt(before, 'metadata.name') ?? `${given}-${randomBytes(4).toString('hex')}`;
    return { ...inputs, metadata: { ...metadata, name } };
  }

  diff(_urn: string, before: Properties, inputs: Properties, stored: Properties): Difference {
    const differing = changedPaths(before, inputs).filter((path) => !path.startsWith('__'));
    const again = mustBeReplaced(stored) ? ['spec.template'] : [];
    const changed = [...differing, ...again];
    const replacing = [...replacingPaths(inputs, differing), ...again];
    return { changed, replacing, deleteBeforeReplace: replacing.length > 0 && keepsName(before, inputs) };
  }

  async create(
    _urn: string,
    inputs: Properties,
    preview: boolean,
    seconds?: number,
  ): Promise<{ id: string; properties: Properties }> {
    if (!preview && !this.#upsert) {
      const { path, id } = await this.#server().locate(inputs);
      // Upstream creates first and applies later, so that what somebody else made is never taken over by accident.
      if ((await this.#find(path)) !== undefined) {
        throw new ApiError(409, `${inputs.kind} ${id} already exists: import it, or set upsertExistingObjects`);
      }
    }
    return this.#apply(inputs, preview, seconds);
  }

  async update(_urn: string, _id: string, inputs: Properties, preview: boolean, seconds?: number): Promise<Properties> {
    return (await this.#apply(inputs, preview, seconds)).properties;
  }

  async read(
    urn: string,
    id: string,
    inputs: Properties,
    properties: Properties,
  ): Promise<{ id: string; inputs: Properties; properties: Properties } | undefined> {
    const known = typeof properties.kind === 'string' ? properties : objectFromUrn(urn, id);
    const location = await this.#server().locate(known);
    const live = await this.#find(location.path);
    if (live === undefined) return undefined;
    // An import has no inputs: all that a program can say becomes one.
    const managed = Object.keys(inputs).length > 0 ? project(inputs, live) : withoutServerFields(live);
    return { id: location.id, inputs: managed as Properties, properties: live };
  }

  async delete(_urn: string, _id: string, properties: Properties): Promise<void> {
    // Upstream deletes in the foreground too, and waits: what follows may want the same name.
    const options = { kind: 'DeleteOptions', apiVersion: 'v1', propagationPolicy: 'Foreground' };
    try {
      const { path } = await this.#server().locate(properties);
      await this.#server().send('DELETE', path, options);
      const deadline = Date.now() + deletionSeconds * 1000;
      while (valueAt(await this.#find(path), 'metadata.uid') === valueAt(properties, 'metadata.uid')) {
        if (Date.now() > deadline)
          throw new Error(`${path}: expected to be gone after ${deletionSeconds} s; still there`);
        await sleep(100);
      }
    } catch (error) {
      if (!(error instanceof ApiError && error.code === 404)) throw error;
    }
  }

  async invoke(token: string): Promise<Properties> {
    throw new Error(`${token}: the stand-in for the kubernetes provider has no functions`);
  }

  async #apply(
    inputs: Properties,
    preview: boolean,
    seconds: number | undefined,
  ): Promise<{ id: string; properties: Properties }> {
    if (preview && (hasUnknowns(inputs) || this.#api === undefined)) return { id: '', properties: inputs };
    const query = new URLSearchParams({ fieldManager, fieldValidation: 'Strict', force: 'true' });
    if (preview) query.set('dryRun', 'All');
    try {
      const { path, id } = await this.#server().locate(inputs);
      const stored = await this.#server().send('PATCH', `${path}?${query}`, inputs, 'application/apply-patch+yaml');
      if (preview) return { id, properties: withoutServerFields(stored) };
      const live = await untilReady(this.#server(), path, stored, seconds).catch((error: unknown) => {
        if (!(error instanceof NotReadyError)) throw error;
        throw new InitialisationError(error.message, id, withoutManagedFields(error.live));
      });
      return { id, properties: withoutManagedFields(live) };
    } catch (error) {
      // The namespace or the definition of the kind may be made by the same update.
      const awaited =
        error instanceof ApiError && error.code === 404 && ['namespaces', 'kinds'].includes(error.kind ?? '');
      if (preview && awaited) return { id: '', properties: inputs };
      throw error;
    }
  }

  async #find(path: string): Promise<Properties | undefined> {
    try {
      return withoutManagedFields(await this.#server().send('GET', path));
    } catch (error) {
      if (error instanceof ApiError && error.code === 404) return undefined;
      throw error;
    }
  }

  #server(): KubernetesApi {
    if (this.#api === undefined) throw new Error('expected a kubeconfig (provider argument, or KUBECONFIG); got none');
    return this.#api;
  }
}

function withoutManagedFields(object: Properties): Properties {
  if (!isObject(object.metadata)) return object;
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...object, metadata };
}

function withoutServerFields(object: Properties): Properties {
  const { status: _, ...rest } = object;
  const { name, namespace, labels, annotations } = isObject(object.metadata) ? object.metadata : {};
  const metadata = Object.fromEntries(
    Object.entries({ name, namespace, labels, annotations }).filter(([, value]) => value !== undefined),
  );
  return { ...rest, metadata };
}

/** Of the live object what the inputs name, so that a refresh shows drift of managed fields alone. */
function project(inputs: unknown, live: unknown): unknown {
  if (isObject(inputs) && isObject(live)) {
    // The server stores stringData in data and never gives it back.
    const kept = Object.keys(inputs).filter((name) => name in live || name === 'stringData');
    return Object.fromEntries(
      kept.map((name) => [name, name in live ? project(inputs[name], live[name]) : inputs[name]]),
    );
  }
  if (Array.isArray(inputs) && Array.isArray(live) && inputs.length === live.length) {
    return inputs.map((input, index) => project(input, live[index]));
  }
  return live;
}

/** What an import knows: `urn:pulumi:<stack>::<project>::…kubernetes:apps/v1:Deployment::<name>` and the object's id. */
function objectFromUrn(urn: string, id: string): Properties {
  const token = urn.split('::')[2]?.split('$').pop() ?? '';
  const [, version = '', kind = ''] = token.split(':');
  const [name, namespace] = id.split('/').reverse();
  const apiVersion = version.replace(/^core\//, '');
  return { apiVersion, kind, metadata: namespace === undefined ? { name } : { name, namespace } };
}

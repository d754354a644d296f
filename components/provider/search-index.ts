import { createHash } from 'node:crypto';
import { type Key, Meilisearch, MeilisearchApiError } from 'meilisearch';
import { z } from 'zod';
import { defineKind } from './resource-kind.ts';

const words = z.array(z.string().min(1)).min(1);

const inputs = z.strictObject({
  /** Name of the index. */
  uid: z.string().regex(/^[a-zA-Z0-9_-]+$/),
  primaryKey: z.string().min(1),
  settings: z.strictObject({ searchableAttributes: words, filterableAttributes: words, sortableAttributes: words }),
  admin: z.strictObject({ url: z.url(), masterKey: z.string().min(16) }),
});

export type SearchIndexInputs = z.output<typeof inputs>;

interface SearchIndexOutputs {
  readonly searchKey: string;
  readonly indexingKey: string;
}

const keyActions = {
  search: ['search'],
  indexing: ['documents.add', 'documents.get', 'documents.delete', 'tasks.get'],
} as const;

/** An index and two keys for it alone. Its documents are derived from the site's posts, so it may be replaced. */
export const searchIndex = defineKind<SearchIndexInputs, SearchIndexOutputs>({
  inputs,
  secrets: ['admin', 'searchKey', 'indexingKey'],
  identity: ['uid', 'primaryKey'],
  onIdentityChange: 'replace',

  async create(request) {
    return { id: request.uid, outputs: await ensure(request) };
  },

  update: ensure,

  async read(state) {
    const client = connect(state);
    const settings = await absentAs404(client.index(state.uid).getSettings());
    if (settings === undefined) return undefined;
    const [search, indexing] = await Promise.all([
      absentAs404(client.getKey(keyUid(state.uid, 'search'))),
      absentAs404(client.getKey(keyUid(state.uid, 'indexing'))),
    ]);
    if (search === undefined || indexing === undefined) return undefined;
    const live = Object.fromEntries(
      Object.keys(state.settings).map((key) => [key, settings[key as keyof typeof settings]]),
    ) as SearchIndexInputs['settings'];
    return { ...state, settings: live, searchKey: search.key, indexingKey: indexing.key };
  },

  async delete(state) {
    const client = connect(state);
    for (const purpose of ['search', 'indexing'] as const) {
      await absentAs404(client.deleteKey(keyUid(state.uid, purpose)));
    }
    await client.deleteIndex(state.uid).waitTask();
  },
});

async function ensure(request: SearchIndexInputs): Promise<SearchIndexOutputs> {
  const client = connect(request);
  if ((await absentAs404(client.getRawIndex(request.uid))) === undefined) {
    const task = await client.createIndex(request.uid, { primaryKey: request.primaryKey }).waitTask();
    // Two runs at once: the index of the other is as good.
    if (task.status !== 'succeeded' && task.error?.code !== 'index_already_exists')
      throw taskError(request, task.error);
  }
  const task = await client.index(request.uid).updateSettings(request.settings).waitTask();
  if (task.status !== 'succeeded') throw taskError(request, task.error);
  return {
    searchKey: (await ensureKey(client, request.uid, 'search')).key,
    indexingKey: (await ensureKey(client, request.uid, 'indexing')).key,
  };
}

async function ensureKey(client: Meilisearch, index: string, purpose: keyof typeof keyActions): Promise<Key> {
  const uid = keyUid(index, purpose);
  const found = await absentAs404(client.getKey(uid));
  if (found !== undefined) return found;
  const actions = [...keyActions[purpose]];
  return client.createKey({ uid, name: `${index} ${purpose}`, actions, indexes: [index], expiresAt: null });
}

/** A key's identity follows from what it is for, so that a second run finds the key of the first. */
function keyUid(index: string, purpose: string): string {
  const hash = createHash('sha256').update(`ghost-fleet ${index} ${purpose}`).digest('hex');
  // Meilisearch takes UUIDs of version 4 only.
  return `${hash.slice(0, 8)}-${hash.slice(8, 12)}-4${hash.slice(13, 16)}-a${hash.slice(17, 20)}-${hash.slice(20, 32)}`;
}

function connect(request: SearchIndexInputs): Meilisearch {
  return new Meilisearch({
    host: request.admin.url,
    apiKey: request.admin.masterKey,
    timeout: 30_000,
    defaultWaitOptions: { timeout: 60_000 },
  });
}

function taskError(request: SearchIndexInputs, error: { message: string } | null | undefined): Error {
  return new Error(`${request.admin.url} index ${request.uid}: ${error?.message ?? 'the task was canceled'}`);
}

async function absentAs404<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof MeilisearchApiError && error.response.status === 404) return undefined;
    throw error;
  }
}

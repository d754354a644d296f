import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MeilisearchDouble } from '../../support/meilisearch-double.ts';
import { PluginProcess, secret } from '../../support/plugin-process.ts';

// The double carries the contract; a real server, with its master key in MEILI_MASTER_KEY, says whether it is right.
const real = process.env.MEILI_URL;
const masterKey = process.env.MEILI_MASTER_KEY ?? 'a-master-key-of-the-tests';
const double = new MeilisearchDouble(masterKey);
let plugin: PluginProcess;
let url: string;

beforeAll(async () => {
  plugin = await PluginProcess.start();
  url = real ?? (await double.listen());
});
afterAll(async () => {
  await plugin?.orphan();
  double.close();
});

const uid = `site_test_${process.pid}`;

function inputsOf(more: object = {}) {
  return {
    uid,
    primaryKey: 'id',
    settings: {
      searchableAttributes: ['title', 'plaintext'],
      filterableAttributes: ['visibility'],
      sortableAttributes: ['published_at'],
    },
    admin: secret({ url, masterKey }),
    ...more,
  };
}

/** Asks the server itself, as the administrator. */
async function ask(path: string): Promise<Record<string, unknown>> {
  const answer = await fetch(`${url}/${path}`, { headers: { authorization: `Bearer ${masterKey}` } });
  return (await answer.json()) as Record<string, unknown>;
}

const keyOf = (wrapped: unknown) => (wrapped as { value: string }).value;

describe(`a site's search index (${real === undefined ? 'contract double' : 'real server'})`, () => {
  it('is made with its settings and two keys for itself alone, which are secret', async () => {
    const { id, state } = await plugin.create('SearchIndex', inputsOf());
    expect(id).toBe(uid);
    expect(await ask(`indexes/${uid}/settings`)).toMatchObject({ filterableAttributes: ['visibility'] });
    const keys = await Promise.all([state.searchKey, state.indexingKey].map((key) => ask(`keys/${keyOf(key)}`)));
    if (real !== undefined) {
      expect(keys).toMatchObject([
        { actions: ['search'], indexes: [uid] },
        { actions: ['documents.add', 'documents.get', 'documents.delete', 'tasks.get'], indexes: [uid] },
      ]);
    } else {
      expect([...double.keys.values()].map(({ actions, indexes }) => ({ actions: actions.length, indexes }))).toEqual([
        { actions: 1, indexes: [uid] },
        { actions: 4, indexes: [uid] },
      ]);
    }
    expect(JSON.stringify({ ...state, admin: '', searchKey: '', indexingKey: '' })).not.toContain(masterKey);
  });

  it('is adopted with the same keys', async () => {
    const first = await plugin.create('SearchIndex', inputsOf());
    const second = await plugin.create('SearchIndex', inputsOf());
    expect(second.state.searchKey).toEqual(first.state.searchKey);
    expect(second.state.indexingKey).toEqual(first.state.indexingKey);
  });

  it('is updated in place when its settings change, and shows their drift', async () => {
    const { state } = await plugin.create('SearchIndex', inputsOf());
    const settings = { searchableAttributes: ['title'], filterableAttributes: ['tags'], sortableAttributes: ['id'] };
    const changed = inputsOf({ settings });
    expect(await plugin.diff('SearchIndex', state, changed)).toEqual({ changes: true, replaces: [] });
    await plugin.update('SearchIndex', state, changed);
    expect(await plugin.read('SearchIndex', state)).toMatchObject({ settings });
  });

  it('is replaced under another name', async () => {
    const { state } = await plugin.create('SearchIndex', inputsOf());
    const renamed = inputsOf({ uid: `${uid}_b` });
    expect(await plugin.diff('SearchIndex', state, renamed)).toEqual({ changes: true, replaces: ['uid'] });
  });

  it('goes with its keys, and is then gone to a refresh', async () => {
    const { state } = await plugin.create('SearchIndex', inputsOf());
    await plugin.delete('SearchIndex', state);
    expect(await plugin.read('SearchIndex', state)).toBeUndefined();
  });

  it('says what the server refused', async () => {
    const wrong = inputsOf({ admin: secret({ url, masterKey: 'another-key-than-the-right-one' }) });
    const error = await plugin.create('SearchIndex', wrong).then(
      () => new Error('was made'),
      (reason: Error) => reason,
    );
    expect(error.message).toMatch(/invalid/i);
    expect(error.message).not.toContain('another-key');
  });
});

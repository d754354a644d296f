import { z } from 'zod';
import { withClient } from '../../runtime/database/provision.ts';
import { administrator } from './administrator.ts';
import { defineKind } from './resource-kind.ts';

const inputs = z.strictObject({
  slug: z.string().min(1),
  creator: z.string().min(1),
  title: z.string().min(1),
  url: z.url(),
  domains: z.array(z.string()),
  plan: z.string().min(1),
  state: z.enum(['active', 'paused', 'suspended']),
  strategy: z.enum(['sqlite', 'schema', 'database']),
  cluster: z.string().optional(),
  stack: z.string().min(1),
  /** The platform's database. */
  database: z.string().min(1),
  admin: administrator,
});

export type RegistrationInputs = z.output<typeof inputs>;

/**
 * A site's entry in the platform's database, through three functions that the platform's migrations bring, so that tables
 * stay the platform's own: `registry.put_site(jsonb)`, `registry.get_site(text) → jsonb`, `registry.remove_site(text)`,
 * which marks a site as gone and deletes nothing.
 */
export const registration = defineKind<RegistrationInputs, object>({
  inputs,
  secrets: ['admin'],
  identity: ['slug'],
  onIdentityChange: 'replace',

  async create(request) {
    await put(request);
    return { id: request.slug, outputs: {} };
  },

  async update(request) {
    await put(request);
    return {};
  },

  async read(state) {
    const found = await withClient(state.admin, state.database, async (client) => {
      const query = 'select registry.get_site($1) as site';
      return (await client.query<{ site: Record<string, unknown> | null }>(query, [state.slug])).rows[0]?.site;
    });
    if (found === null || found === undefined) return undefined;
    const columns = Object.keys(entryOf(state)).filter((key) => found[key] !== undefined);
    return { ...state, ...Object.fromEntries(columns.map((key) => [key, found[key]])) };
  },

  async delete(state) {
    await withClient(state.admin, state.database, async (client) => {
      await client.query('select registry.remove_site($1)', [state.slug]);
    });
  },
});

async function put(request: RegistrationInputs): Promise<void> {
  await withClient(request.admin, request.database, async (client) => {
    await client.query('select registry.put_site($1::jsonb)', [JSON.stringify(entryOf(request))]);
  });
}

function entryOf(request: RegistrationInputs): Omit<RegistrationInputs, 'admin' | 'database'> {
  const { admin: _admin, database: _database, ...entry } = request;
  return entry;
}

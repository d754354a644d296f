import type { Knex } from 'knex';
import { appRole, enforceTenancy } from '../tenancy.ts';

/**
 * Creators, who signs in for them, their sites, tokens and the audit log; the scope that row-level security asks; and the
 * three functions by which `pulumi up` registers a site (components/provider/registration.ts).
 */
export async function up(db: Knex): Promise<void> {
  await createScope(db);
  await createTables(db);
  await createRegistry(db);
}

async function createScope(db: Knex): Promise<void> {
  await db.raw('revoke all on schema public from public');
  await db.raw('grant usage on schema public to ??', [appRole]);
  await db.raw('create schema scope');
  await db.raw('grant usage on schema scope to ??', [appRole]);
  // An unset setting is null, and the empty text once the connection has had it in an earlier transaction.
  await db.raw(`create function scope.creator_id() returns uuid language sql stable parallel safe
    return nullif(current_setting('platform.creator_id', true), '')::uuid`);
  await db.raw(`create function scope.is_fleet() returns boolean language sql stable parallel safe
    return coalesce(current_setting('platform.fleet', true), '') = 'on'`);
}

async function createTables(db: Knex): Promise<void> {
  await db.schema.createTable('creators', (table) => {
    // The same value in both: every tenant table is asked for its creator_id.
    table.uuid('creator_id').primary().defaultTo(db.raw('gen_random_uuid()'));
    table.text('email').notNullable().unique();
    table.text('name');
    table.timestamp('created_at').notNullable().defaultTo(db.fn.now());
    table.check('email = lower(email)');
  });
  await enforceTenancy(db, 'creators', 'write');

  await db.schema.createTable('accounts', (table) => {
    table.uuid('id').primary().defaultTo(db.raw('gen_random_uuid()'));
    table.text('email').notNullable().unique();
    table.text('role').notNullable();
    table.uuid('creator_id').references('creators.creator_id');
    table.timestamp('created_at').notNullable().defaultTo(db.fn.now());
    table.timestamp('last_sign_in_at');
    table.timestamp('disabled_at');
    table.check("role in ('creator', 'staff', 'admin')");
    table.check("(role = 'creator') = (creator_id is not null)");
    table.check('email = lower(email)');
    table.index(['creator_id']);
  });
  await enforceTenancy(db, 'accounts', 'write');

  await db.schema.createTable('sites', (table) => {
    table.text('slug').primary();
    table.uuid('creator_id').notNullable().references('creators.creator_id');
    table.text('title').notNullable();
    table.text('url').notNullable();
    table.specificType('domains', 'text[]').notNullable().defaultTo('{}');
    table.text('plan').notNullable();
    table.text('state').notNullable();
    table.text('strategy').notNullable();
    table.text('cluster');
    table.text('stack').notNullable();
    table.timestamp('registered_at').notNullable().defaultTo(db.fn.now());
    table.timestamp('updated_at').notNullable().defaultTo(db.fn.now());
    // The YAML is gone; the data is not.
    table.timestamp('removed_at');
    // What daily metrics refer to, so that they follow a site that is handed over.
    table.unique(['slug', 'creator_id']);
    table.index(['creator_id', 'slug']);
    table.check("state in ('active', 'paused', 'suspended')");
    table.check("strategy in ('sqlite', 'schema', 'database')");
  });
  await enforceTenancy(db, 'sites', 'write');

  await db.schema.createTable('api_tokens', (table) => {
    table.uuid('id').primary().defaultTo(db.raw('gen_random_uuid()'));
    table.uuid('account_id').notNullable().references('accounts.id');
    table.uuid('creator_id').references('creators.creator_id');
    table.text('name').notNullable();
    // SHA-256 of the token, which is random and long: nobody can guess it back.
    table.binary('hash').notNullable().unique();
    table.specificType('scopes', 'text[]').notNullable();
    table.timestamp('created_at').notNullable().defaultTo(db.fn.now());
    table.timestamp('expires_at');
    table.timestamp('last_used_at');
    table.timestamp('revoked_at');
    table.index(['creator_id']);
    table.index(['account_id']);
  });
  await enforceTenancy(db, 'api_tokens', 'write');

  await db.schema.createTable('audit_log', (table) => {
    table.bigIncrements('id');
    table.timestamp('at').notNullable().defaultTo(db.fn.now());
    table.uuid('creator_id').references('creators.creator_id');
    // E-mail of who did it, or the name of the part of the platform.
    table.text('actor').notNullable();
    table.text('action').notNullable();
    table.text('subject').notNullable();
    table.jsonb('details').notNullable().defaultTo('{}');
    table.index(['creator_id', 'at']);
    table.index(['at']);
  });
  await enforceTenancy(db, 'audit_log', 'append');
  await db.raw('grant usage on sequence audit_log_id_seq to ??', [appRole]);
}

async function createRegistry(db: Knex): Promise<void> {
  await db.raw('create schema registry');
  await db.raw('grant usage on schema registry to ??', [appRole]);
  // Each runs as the tables' owner, whom row-level security is forced upon too, with the scope of the fleet, and puts its
  // caller's scope back. (A function's own SET of such a setting is a superuser's to write.)
  const define = (signature: string, returns: string, variables: string, body: string) =>
    db.raw(`create function registry.${signature} returns ${returns} language plpgsql
      security definer set search_path = public, pg_temp as $$
      declare
        caller text := coalesce(current_setting('platform.fleet', true), '');
        ${variables}
      begin
        perform set_config('platform.fleet', 'on', true);
        ${body}
      end $$`);
  const restore = "perform set_config('platform.fleet', caller, true);";
  await define(
    'put_site(entry jsonb)',
    'void',
    'owner uuid;',
    `insert into creators (email) values (lower(entry->>'creator')) on conflict (email) do nothing;
    select creator_id into strict owner from creators where email = lower(entry->>'creator');
    insert into accounts (email, role, creator_id) values (lower(entry->>'creator'), 'creator', owner)
      on conflict (email) do nothing;
    insert into sites (slug, creator_id, title, url, domains, plan, state, strategy, cluster, stack)
    values (entry->>'slug', owner, entry->>'title', entry->>'url',
      array(select jsonb_array_elements_text(entry->'domains')), entry->>'plan', entry->>'state',
      entry->>'strategy', entry->>'cluster', entry->>'stack')
    on conflict (slug) do update set creator_id = excluded.creator_id, title = excluded.title, url = excluded.url,
      domains = excluded.domains, plan = excluded.plan, state = excluded.state, strategy = excluded.strategy,
      cluster = excluded.cluster, stack = excluded.stack, updated_at = now(), removed_at = null;
    ${restore}`,
  );
  await define(
    'get_site(wanted text)',
    'jsonb',
    'found jsonb;',
    `select jsonb_strip_nulls(jsonb_build_object('slug', slug, 'creator', email, 'title', title, 'url', url, 'domains',
      to_jsonb(domains), 'plan', plan, 'state', state, 'strategy', strategy, 'cluster', cluster, 'stack', stack))
      into found from sites join creators using (creator_id) where slug = wanted and removed_at is null;
    ${restore}
    return found;`,
  );
  await define(
    'remove_site(wanted text)',
    'void',
    '',
    `update sites set removed_at = now(), updated_at = now() where slug = wanted and removed_at is null;
    ${restore}`,
  );
  for (const signature of ['put_site(jsonb)', 'get_site(text)', 'remove_site(text)']) {
    await db.raw(`revoke all on function registry.${signature} from public`);
    await db.raw(`grant execute on function registry.${signature} to ??`, [appRole]);
  }
}

import type { Knex } from 'knex';
import { appRole, enforceTenancy, shareTable } from '../tenancy.ts';

/**
 * The price list, the records that invoices are computed from, invoices with what follows them, and payments. Whatever is
 * a record is appended only: the application role has no right to change or delete it, and a trigger refuses it to
 * everybody, the owner too.
 */
export async function up(db: Knex): Promise<void> {
  await createGuards(db);
  await createPrices(db);
  await createAccounts(db);
  await createRecords(db);
  await createInvoices(db);
  await createCreditNotes(db);
  await createPayments(db);
  await createBalances(db);
}

async function createGuards(db: Knex): Promise<void> {
  await db.raw('create schema billing');
  await db.raw('grant usage on schema billing to ??', [appRole]);
  await db.raw(`create function billing.refuse_change() returns trigger language plpgsql as $$
    begin
      raise exception '% is append-only: % refused', tg_table_name, lower(tg_op) using errcode = 'restrict_violation';
    end $$`);
  // The account's row stays locked until the record's transaction ends. So numbers follow the order of commits, and who
  // locks the account knows that every record up to the last number is there to be seen and that none will join them.
  await db.raw(`create function billing.number_record() returns trigger language plpgsql as $$
    begin
      update billing_accounts set last_record = last_record + 1 where creator_id = new.creator_id
        returning last_record into strict new.record;
      return new;
    end $$`);
  // At commit, so that an invoice and its lines can be written one after the other, and no line joins them later.
  await db.raw(`create function billing.check_sum() returns trigger language plpgsql as $$
    declare
      document uuid := case when tg_table_name like '%_lines' then to_jsonb(new)->>tg_argv[1] else to_jsonb(new)->>'id' end;
      stated record;
      counted record;
    begin
      execute format('select net, line_count from %I where id = $1', tg_argv[0]) using document into stated;
      execute format('select coalesce(sum(amount), 0) as net, count(*) as lines from %I where %I = $1',
        tg_argv[2], tg_argv[1]) using document into counted;
      if stated.net is distinct from counted.net or stated.line_count is distinct from counted.lines then
        raise exception '% % says % in % lines; they are % in %', tg_argv[0], document, stated.net, stated.line_count,
          counted.net, counted.lines using errcode = 'check_violation';
      end if;
      return null;
    end $$`);
}

async function createPrices(db: Knex): Promise<void> {
  await db.schema.createTable('plan_prices', (table) => {
    table.text('plan').notNullable();
    currency(table);
    table.integer('version').notNullable();
    table.text('title').notNullable();
    table.timestamp('valid_from').notNullable();
    table.bigInteger('monthly').notNullable();
    table.bigInteger('included_members').notNullable();
    table.bigInteger('included_storage_gib').notNullable();
    table.bigInteger('included_emails').notNullable();
    table.bigInteger('included_staff').notNullable();
    table.bigInteger('per_1000_members').notNullable();
    table.bigInteger('per_gib').notNullable();
    table.bigInteger('per_1000_emails').notNullable();
    table.bigInteger('per_staff_seat').notNullable();
    table.integer('revenue_share_basis_points').notNullable();
    table.integer('trial_days').notNullable();
    table.primary(['plan', 'currency', 'version']);
    table.check('monthly >= 0 and least(per_1000_members, per_gib, per_1000_emails, per_staff_seat) >= 0');
    table.check('revenue_share_basis_points between 0 and 10000 and trial_days >= 0 and version > 0');
  });
  await shareTable(db, 'plan_prices', 'read');
  await keepAsIs(db, 'plan_prices');
}

async function createAccounts(db: Knex): Promise<void> {
  await db.schema.createTable('billing_accounts', (table) => {
    table.uuid('creator_id').primary().references('creators.creator_id');
    table.bigInteger('last_record').notNullable().defaultTo(0);
    table.text('driver').notNullable().defaultTo('manual');
    // Who this is to the driver, such as Stripe's customer.
    table.text('driver_customer');
    table.timestamp('opened_at').notNullable();
    table.check("driver in ('manual', 'stripe')");
  });
  await enforceTenancy(db, 'billing_accounts', 'write');

  await db.schema.createTable('billing_details', (table) => {
    recordColumns(table);
    table.timestamp('at').notNullable();
    table.text('name').notNullable();
    table.specificType('address', 'text[]').notNullable();
    table.specificType('country', 'char(2)').notNullable();
    table.text('tax_id');
    table.integer('tax_basis_points').notNullable();
    table.boolean('reverse_charge').notNullable();
    table.check('tax_basis_points between 0 and 10000');
    table.check('not reverse_charge or tax_id is not null');
  });
  await appendOnly(db, 'billing_details');
  await numberRecords(db, 'billing_details');
}

async function createRecords(db: Knex): Promise<void> {
  await db.schema.createTable('subscription_events', (table) => {
    table.bigIncrements('id', { primaryKey: false }).notNullable().unique();
    recordColumns(table);
    table.text('site').notNullable().references('sites.slug');
    table.text('type').notNullable();
    table.specificType('at', 'timestamptz(0)').notNullable();
    // What the subscription is afterwards.
    table.text('plan').notNullable();
    currency(table);
    table.integer('price_version').notNullable();
    table.text('lifecycle').notNullable();
    table.specificType('trial_ends_at', 'timestamptz(0)');
    table.text('standing').notNullable();
    table.specificType('standing_since', 'timestamptz(0)').notNullable();
    table.text('actor').notNullable();
    table.text('reason');
    table
      .foreign(['plan', 'currency', 'price_version'])
      .references(['plan', 'currency', 'version'])
      .inTable('plan_prices');
    table.index(['site', 'id']);
    // Who has, or had, something unpaid.
    table.index(['creator_id'], 'subscription_events_standing', { predicate: db.whereRaw("standing <> 'good'") });
    table.check(`type in ('started', 'plan-changed', 'paused', 'resumed', 'cancelled', 'standing-changed', 'handed-over',
      'taken-over')`);
    table.check("lifecycle in ('running', 'paused', 'cancelled')");
    table.check("standing in ('good', 'past-due', 'grace', 'suspended')");
  });
  await appendOnly(db, 'subscription_events');
  await db.raw('grant usage on sequence subscription_events_id_seq to ??', [appRole]);
  await numberRecords(db, 'subscription_events');

  await db.schema.createTable('usage_records', (table) => {
    recordColumns(table);
    table.text('site').notNullable().references('sites.slug');
    table.text('metric').notNullable();
    table.date('day').notNullable();
    table.specificType('currency', 'char(3)');
    table.bigInteger('quantity').notNullable();
    // Who measured or corrected it; with site, metric, day and currency, what makes a record the same one.
    table.text('source').notNullable();
    table.timestamp('recorded_at').notNullable();
    table.index(['creator_id', 'day']);
    table.check("metric in ('members', 'storage', 'staff', 'emails', 'revenue')");
    table.check("(metric = 'revenue') = (currency is not null)");
    table.check("quantity >= 0 or metric = 'revenue' or source like 'correction:%'");
  });
  await db.raw(`alter table usage_records add constraint usage_records_key
    unique nulls not distinct (site, metric, day, currency, source)`);
  await appendOnly(db, 'usage_records');
  await numberRecords(db, 'usage_records');

  await db.schema.createTable('credits', (table) => {
    recordColumns(table);
    table.timestamp('at').notNullable();
    currency(table);
    table.bigInteger('amount').notNullable();
    table.text('reason').notNullable();
    table.text('actor').notNullable();
    table.text('key').notNullable();
    table.unique(['creator_id', 'key']);
    table.check('amount > 0');
  });
  await appendOnly(db, 'credits');
  await numberRecords(db, 'credits');

  await db.schema.createTable('billing_closings', (table) => {
    table.uuid('creator_id').notNullable().references('billing_accounts.creator_id');
    table.specificType('period', 'char(7)').notNullable();
    table.bigInteger('records_through').notNullable();
    table.timestamp('closed_at').notNullable();
    table.primary(['creator_id', 'period']);
  });
  await appendOnly(db, 'billing_closings');
}

async function createInvoices(db: Knex): Promise<void> {
  // Rows of nobody, so that row-level security shows them to the fleet alone.
  await db.schema.createTable('document_counters', (table) => {
    table.text('series').primary();
    table.uuid('creator_id');
    table.integer('last').notNullable();
    table.check('creator_id is null');
  });
  await enforceTenancy(db, 'document_counters', 'write');

  await db.schema.createTable('invoices', (table) => {
    documentColumns(table);
    table.specificType('period', 'char(7)').notNullable();
    table.timestamp('due_at').notNullable();
    table.unique(['creator_id', 'period', 'currency']);
    table.unique(['id', 'creator_id']);
    table.foreign(['creator_id', 'period']).references(['creator_id', 'period']).inTable('billing_closings');
    table.check('total >= 0');
  });
  await appendOnly(db, 'invoices');

  await db.schema.createTable('invoice_lines', (table) => {
    table.uuid('invoice_id').notNullable();
    table.uuid('creator_id').notNullable();
    table.integer('position').notNullable();
    table.text('kind').notNullable();
    table.text('site').references('sites.slug');
    table.text('metric');
    table.text('plan');
    table.integer('price_version');
    table.specificType('period', 'char(7)').notNullable();
    table.timestamp('from').notNullable();
    table.timestamp('to').notNullable();
    table.bigInteger('quantity').notNullable();
    table.bigInteger('unit_amount');
    table.bigInteger('amount').notNullable();
    table.text('description').notNullable();
    table.primary(['invoice_id', 'position']);
    table.foreign(['invoice_id', 'creator_id']).references(['id', 'creator_id']).inTable('invoices');
    table.index(['creator_id', 'kind']);
    table.check("kind in ('base', 'usage', 'revenue-share', 'correction', 'credit')");
  });
  await appendOnly(db, 'invoice_lines');
  await checkSums(db, 'invoices', 'invoice_lines', 'invoice_id');
}

async function createCreditNotes(db: Knex): Promise<void> {
  await db.schema.createTable('credit_notes', (table) => {
    documentColumns(table);
    table.uuid('invoice_id').notNullable();
    table.text('reason').notNullable();
    table.text('key').notNullable();
    table.unique(['creator_id', 'key']);
    table.unique(['id', 'creator_id']);
    table.index(['invoice_id']);
    table.foreign(['invoice_id', 'creator_id']).references(['id', 'creator_id']).inTable('invoices');
    table.check('total > 0');
  });
  await appendOnly(db, 'credit_notes');

  await db.schema.createTable('credit_note_lines', (table) => {
    table.uuid('credit_note_id').notNullable();
    table.uuid('creator_id').notNullable();
    table.integer('position').notNullable();
    table.uuid('invoice_id').notNullable();
    table.integer('invoice_position').notNullable();
    table.bigInteger('amount').notNullable();
    table.text('description').notNullable();
    table.primary(['credit_note_id', 'position']);
    table.foreign(['credit_note_id', 'creator_id']).references(['id', 'creator_id']).inTable('credit_notes');
    table.foreign(['invoice_id', 'invoice_position']).references(['invoice_id', 'position']).inTable('invoice_lines');
    table.index(['invoice_id']);
  });
  await appendOnly(db, 'credit_note_lines');
  await checkSums(db, 'credit_notes', 'credit_note_lines', 'credit_note_id');
}

async function createPayments(db: Knex): Promise<void> {
  await db.schema.createTable('payments', (table) => {
    table.uuid('id').primary().defaultTo(db.raw('gen_random_uuid()'));
    table.uuid('creator_id').notNullable();
    table.uuid('invoice_id').notNullable();
    table.text('driver').notNullable();
    // The driver's own id, or a bank's: what makes a payment the same one.
    table.text('reference').notNullable();
    currency(table);
    // Negative where it went back, and then of which payment.
    table.bigInteger('amount').notNullable();
    table.uuid('refund_of').references('payments.id');
    table.timestamp('at').notNullable();
    table.unique(['driver', 'reference']);
    table.index(['invoice_id']);
    table.foreign(['invoice_id', 'creator_id']).references(['id', 'creator_id']).inTable('invoices');
    table.check('amount <> 0 and (amount < 0) = (refund_of is not null)');
    table.index(['refund_of']);
  });
  await appendOnly(db, 'payments');

  await db.schema.createTable('payment_requests', (table) => {
    table.bigIncrements('id');
    table.uuid('creator_id').notNullable();
    table.uuid('invoice_id').notNullable();
    table.text('driver').notNullable();
    table.text('reference').notNullable();
    table.text('outcome').notNullable();
    table.text('url');
    table.text('message');
    table.timestamp('at').notNullable();
    table.unique(['driver', 'reference', 'outcome']);
    table.index(['invoice_id', 'id']);
    table.foreign(['invoice_id', 'creator_id']).references(['id', 'creator_id']).inTable('invoices');
    table.check("outcome in ('pending', 'action-needed', 'failed')");
  });
  await appendOnly(db, 'payment_requests');
  await db.raw('grant usage on sequence payment_requests_id_seq to ??', [appRole]);

  await db.schema.createTable('payment_notices', (table) => {
    table.text('driver').notNullable();
    table.text('event_id').notNullable();
    // Unknown where a notice is about nothing of ours.
    table.uuid('creator_id').references('creators.creator_id');
    table.text('type').notNullable();
    table.timestamp('at').notNullable();
    table.primary(['driver', 'event_id']);
  });
  await appendOnly(db, 'payment_notices');
}

async function createBalances(db: Knex): Promise<void> {
  // With the rights and the scope of who asks.
  await db.raw(`create view invoice_balances with (security_invoker = true) as
    select i.id as invoice_id, i.creator_id, i.currency, i.due_at, i.total,
      coalesce(c.amount, 0)::bigint as credited, coalesce(p.amount, 0)::bigint as paid,
      (i.total - coalesce(c.amount, 0) - coalesce(p.amount, 0))::bigint as balance
    from invoices i
    left join lateral (select sum(total) as amount from credit_notes where invoice_id = i.id) c on true
    left join lateral (select sum(amount) as amount from payments where invoice_id = i.id) p on true`);
  await db.raw('grant select on invoice_balances to ??', [appRole]);
}

function currency(table: Knex.CreateTableBuilder): void {
  table.specificType('currency', 'char(3)').notNullable();
}

/** What every record has that invoices are computed from. */
function recordColumns(table: Knex.CreateTableBuilder): void {
  table.uuid('creator_id').notNullable().references('billing_accounts.creator_id');
  // Given by the trigger.
  table.bigInteger('record').notNullable();
  table.primary(['creator_id', 'record']);
}

/** What invoices and credit notes have in common. */
function documentColumns(table: Knex.CreateTableBuilder): void {
  table.uuid('id').primary();
  table.uuid('creator_id').notNullable().references('billing_accounts.creator_id');
  table.text('series').notNullable().references('document_counters.series');
  table.integer('sequence').notNullable();
  table.text('number').notNullable().unique();
  table.timestamp('issued_at').notNullable();
  currency(table);
  table.integer('line_count').notNullable();
  table.bigInteger('net').notNullable();
  table.integer('tax_basis_points').notNullable();
  table.bigInteger('tax').notNullable();
  table.bigInteger('total').notNullable();
  table.boolean('reverse_charge').notNullable();
  table.jsonb('seller').notNullable();
  table.jsonb('buyer').notNullable();
  table.unique(['series', 'sequence']);
  table.check('total = net + tax and line_count > 0 and sequence > 0');
  table.check('not reverse_charge or tax = 0');
}

async function appendOnly(db: Knex, table: string): Promise<void> {
  await enforceTenancy(db, table, 'append');
  await keepAsIs(db, table);
}

async function keepAsIs(db: Knex, table: string): Promise<void> {
  await db.raw(
    `create trigger keep_as_is before update or delete or truncate on ?? for each statement
      execute function billing.refuse_change()`,
    [table],
  );
}

async function numberRecords(db: Knex, table: string): Promise<void> {
  await db.raw(
    'create trigger number_record before insert on ?? for each row execute function billing.number_record()',
    [table],
  );
}

async function checkSums(db: Knex, documents: string, lines: string, key: string): Promise<void> {
  for (const table of [documents, lines]) {
    await db.raw(
      `create constraint trigger check_sum after insert on ?? deferrable initially deferred for each row
        execute function billing.check_sum(${[documents, key, lines].map((name) => `'${name}'`).join(', ')})`,
      [table],
    );
  }
}

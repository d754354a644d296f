import type pg from 'pg';

export interface FleetOptions {
  readonly sites: number;
  readonly creators: number;
  readonly days: number;
  /** Last day that there are numbers of, `YYYY-MM-DD`. */
  readonly through: string;
}

/**
 * Fills a platform's database that is migrated and empty, past row-level security: sites of creators, the first of whom has
 * a fifth of them all, with numbers for every day. All of it is made by the server, from the numbers of sites and days.
 */
export async function fillFleet(administrator: pg.Client, options: FleetOptions): Promise<void> {
  const { sites, creators, days, through } = options;
  const run = (text: string, values: unknown[] = []) => administrator.query(text, values);
  // Their rows refer to each other as they should; checking a million of them takes longer than making them.
  await run('set session_replication_role = replica');
  await run(
    `insert into creators (creator_id, email)
     select md5('creator ' || n)::uuid, 'creator-' || n || '@example.com' from generate_series(0, $1::integer - 1) as n`,
    [creators],
  );
  await run("insert into accounts (email, role, creator_id) select email, 'creator', creator_id from creators");
  await run(
    `insert into sites (slug, creator_id, title, url, domains, plan, state, strategy, cluster, stack)
     select 'site-' || lpad(n::text, 5, '0'), md5('creator ' || case when n % 5 = 0 then 0 else n % $2 end)::uuid,
       'Site ' || n, 'https://site-' || n || '.example.com', array['site-' || n || '.example.com'],
       (array['starter', 'studio', 'scale'])[1 + n % 3], case when n % 50 = 49 then 'paused' else 'active' end,
       'database', 'eu-1', 'production-' || lpad((n % 20)::text, 2, '0')
     from generate_series(0, $1::integer - 1) as n`,
    [sites, creators],
  );
  await run(
    `insert into daily_metrics
     select creator_id, slug, $2::date - ago, free + paid + 3, free, paid, 3, 0, 2 + n % 3, n % 2, 0,
       case when ago % 7 = 0 then 1 else 0 end, case when ago % 7 = 0 then free + paid else 0 end, 10, 3, 1, 1e8 + n, 5000 + n
     from (select *, substr(slug, 6)::integer as n from sites) as sites,
       generate_series(0, $1::integer - 1) as ago,
       lateral (select 1000 + n + ($1 - ago) * 2 as free, 100 + n % 50 + ($1 - ago) / 4 as paid) as members`,
    [days, through],
  );
  await run(
    `insert into daily_revenue
     select creator_id, slug, $2::date - ago, currency, 50000 + ($1 - ago) * 100
     from sites, generate_series(0, $1::integer - 1) as ago,
       unnest(case when right(slug, 1) = '7' then array['eur', 'usd'] else array['usd'] end) as currency`,
    [days, through],
  );
  await run(
    `insert into site_refreshes (site_slug, creator_id, last_attempt_at, last_success_at, next_due_at, first_day, last_day,
       members_total, members_paid, mrr, storage_bytes, requests, ghost_version, backups_known, newest_backup_at, failures,
       error)
     select slug, sites.creator_id, $2::date + time '12:00', $2::date + time '12:00', $2::date + time '13:00', $2::date - $1::integer + 1,
       $2::date, members_total, members_paid, jsonb_build_object('usd', 50000 + $1::integer * 100), storage_bytes, requests,
       '6.65.0', true, $2::date + time '03:15',
       case when right(slug, 2) = '13' then 3 else 0 end, case when right(slug, 2) = '13' then 'no answer within 15 s' end
     from sites join daily_metrics on daily_metrics.creator_id = sites.creator_id and site_slug = slug and day = $2::date`,
    [days, through],
  );
  await run('reset session_replication_role');
  await run("select sum_creator_days(creator_id, '-infinity') from creators");
  await run('vacuum analyze');
}

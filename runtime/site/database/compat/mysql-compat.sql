-- What Ghost expects of its database and PostgreSQL calls otherwise. One schema in each database, owned by an
-- administrator, last on the search path of every site; sites may use it and change nothing in it.
create schema if not exists mysql_compat;
grant usage on schema mysql_compat to public;

-- Equality, uniqueness, grouping, order and LIKE without regard to case and accents, as utf8mb4_0900_ai_ci has them.
do $$ begin
  if not exists (select from pg_collation where collname = 'ai_ci' and collnamespace = 'mysql_compat'::regnamespace) then
    create collation mysql_compat.ai_ci (provider = icu, locale = 'und-u-ks-level1', deterministic = false);
  end if;
end $$;

-- Both sides of LIKE: letters without case and accents, one for one. Not strict, so that it can be inlined.
create or replace function mysql_compat.fold(value text) returns text language sql immutable parallel safe
  return case when octet_length(value) = char_length(value) then lower(value collate "C")
    else translate(regexp_replace(normalize(lower(value collate "und-x-icu"), nfd) collate "C",
      '[\u0300-\u036f\u3099\u309a]', '', 'g'), 'øłđħŧ', 'oldht') end;
-- LIKE on what is no text compares how the value is written.
create or replace function mysql_compat.fold(value smallint) returns text language sql immutable parallel safe return value::text;
create or replace function mysql_compat.fold(value integer) returns text language sql immutable parallel safe return value::text;
create or replace function mysql_compat.fold(value bigint) returns text language sql immutable parallel safe return value::text;
create or replace function mysql_compat.fold(value numeric) returns text language sql immutable parallel safe return value::text;
create or replace function mysql_compat.fold(value timestamp) returns text language sql immutable parallel safe
  return to_char(value, 'YYYY-MM-DD HH24:MI:SS');
-- NQL's "does not contain" lowers whatever it is asked about, dates and numbers too.
create or replace function mysql_compat.lower(value timestamp) returns text language sql immutable parallel safe return mysql_compat.fold(value);
create or replace function mysql_compat.lower(value smallint) returns text language sql immutable parallel safe return value::text;
create or replace function mysql_compat.lower(value integer) returns text language sql immutable parallel safe return value::text;
create or replace function mysql_compat.lower(value bigint) returns text language sql immutable parallel safe return value::text;
create or replace function mysql_compat.lower(value numeric) returns text language sql immutable parallel safe return value::text;
-- ROUND of a whole number is one, where PostgreSQL makes it a floating one (yearly revenue of the milestones).
create or replace function mysql_compat.round(value integer) returns bigint language sql immutable parallel safe return value;
create or replace function mysql_compat.round(value bigint) returns bigint language sql immutable parallel safe return value;
-- A decimal division has four digits more than its dividend and is NULL for a zero divisor.
create or replace function mysql_compat.divide(dividend numeric, divisor numeric) returns numeric language sql immutable parallel safe
  return round(dividend / nullif(divisor, 0), scale(dividend) + 4);
create or replace function mysql_compat.fold(value date) returns text language sql immutable parallel safe
  return to_char(value, 'YYYY-MM-DD');

create or replace function mysql_compat.version() returns text language sql stable parallel safe
  return '8.0.0-PostgreSQL-' || split_part(current_setting('server_version'), ' ', 1);

-- CREATE DATABASE by knex-migrator, which goes on when the database is there (1007) and stops when it is not.
create or replace function mysql_compat.database_exists(name text) returns void language plpgsql as $$ begin
  if exists (select from pg_database where datname = name) then
    raise exception 'database "%" already exists', name using errcode = '42P04';
  end if;
  raise exception 'database "%" does not exist; it is made when the site is provisioned', name using errcode = '3D000';
end $$;

-- DROP DATABASE by knex-migrator's reset: everything that the site's role owns in its own database or schema goes.
create or replace function mysql_compat.empty_database(name text, lenient boolean) returns void language plpgsql as $$
declare found record; begin
  if name <> current_database() then
    if lenient then return; end if;
    raise exception 'database "%" is not this site''s', name using errcode = '3D000';
  end if;
  for found in select oid::regclass as relation, case relkind when 'v' then 'view' else 'table' end as kind from pg_class
    where relnamespace = current_schema()::regnamespace and relkind in ('r', 'p', 'v') and relowner = current_user::regrole
  loop
    execute format('drop %s if exists %s cascade', found.kind, found.relation);
  end loop;
end $$;

-- SHOW INDEXES and SHOW COLUMNS of a table that is not there is error 1146, not an empty answer.
create or replace function mysql_compat.table_or_error(name text) returns regclass language plpgsql stable as $$
declare found regclass := to_regclass(quote_ident(name)); begin
  if found is null then raise exception 'relation "%" does not exist', name using errcode = '42P01'; end if;
  return found;
end $$;

-- SET FOREIGN_KEY_CHECKS = 0 of a role that owns its tables: their keys are checked when the transaction ends, and TRUNCATE
-- does not look at them.
create or replace function mysql_compat.set_foreign_key_checks(immediate boolean) returns void language plpgsql as $$ begin
  perform set_config('mysql_compat.foreign_key_checks', case when immediate then 'on' else 'off' end, false);
  execute 'set constraints all ' || case when immediate then 'immediate' else 'deferred' end;
end $$;

-- TRUNCATE of a table that others may refer to. Where their keys are not checked what refers to it stays, as on MySQL: the
-- keys are made anew for the rows that are still to come.
create or replace function mysql_compat.truncate_table(name text) returns void language plpgsql as $$
declare target regclass := mysql_compat.table_or_error(name); keys text[] := '{}'; found record; key text; begin
  if current_setting('mysql_compat.foreign_key_checks', true) = 'off' then
    for found in select conname, conrelid::regclass as relation, pg_get_constraintdef(oid) as definition from pg_constraint
      where contype = 'f' and confrelid = target
    loop
      keys := keys || format('alter table %s add constraint %I %s not valid', found.relation, found.conname,
        regexp_replace(found.definition, ' NOT VALID$', ''));
      execute format('alter table %s drop constraint %I', found.relation, found.conname);
    end loop;
  end if;
  execute format('delete from %s', target);
  foreach key in array keys loop execute key; end loop;
end $$;

-- REPLACE() compares letters exactly, whatever the column's collation.
create or replace function mysql_compat.replace_binary(value text, search text, replacement text) returns text language sql immutable strict parallel safe
  return replace(value collate "C", search collate "C", replacement collate "C");

create or replace function mysql_compat.instr(value text, search text) returns integer language sql immutable strict parallel safe
  return strpos(mysql_compat.fold(value) collate "C", mysql_compat.fold(search) collate "C");
create or replace function mysql_compat.locate(search text, value text) returns integer language sql immutable strict parallel safe
  return mysql_compat.instr(value, search);
create or replace function mysql_compat.field(value text, variadic list text[]) returns integer language sql immutable parallel safe
  return coalesce(array_position(list, value), 0);
create or replace function mysql_compat."if"(condition boolean, yes text, no text) returns text language sql immutable parallel safe
  return case when condition then yes else no end;
create or replace function mysql_compat."if"(condition boolean, yes numeric, no numeric) returns numeric language sql immutable parallel safe
  return case when condition then yes else no end;

-- Dates. Everything is in UTC and without a zone.
create or replace function mysql_compat.convert_tz(value timestamp, from_zone text, to_zone text) returns timestamp language sql stable strict parallel safe
  return value - (case when from_zone ~ '^[+-]' then from_zone::interval else interval '0' end)
    + (case when to_zone ~ '^[+-]' then to_zone::interval else (value at time zone 'UTC' at time zone to_zone) - value end);
create or replace function mysql_compat.date_format(value timestamp, format text) returns text language sql immutable strict parallel safe
  return to_char(value, replace(replace(replace(replace(replace(replace(format, '%Y', 'YYYY'), '%m', 'MM'), '%d', 'DD'), '%H', 'HH24'), '%i', 'MI'), '%s', 'SS'));
create or replace function mysql_compat.unix_timestamp(value timestamp) returns bigint language sql immutable strict parallel safe
  return extract(epoch from value)::bigint;
create or replace function mysql_compat.unix_timestamp() returns bigint language sql stable parallel safe
  return extract(epoch from now())::bigint;
create or replace function mysql_compat.from_unixtime(value numeric) returns timestamp language sql immutable strict parallel safe
  return timestamp 'epoch' + value * interval '1 second';
create or replace function mysql_compat.utc_timestamp() returns timestamp language sql stable parallel safe
  return date_trunc('second', now() at time zone 'UTC');
create or replace function mysql_compat.curdate() returns date language sql stable parallel safe
  return (now() at time zone 'UTC')::date;
create or replace function mysql_compat.date_add(value timestamp, amount interval) returns timestamp language sql immutable strict parallel safe
  return value + amount;
create or replace function mysql_compat.date_sub(value timestamp, amount interval) returns timestamp language sql immutable strict parallel safe
  return value - amount;
create or replace function mysql_compat.datediff(one timestamp, other timestamp) returns integer language sql immutable strict parallel safe
  return one::date - other::date;
create or replace function mysql_compat.year(value timestamp) returns integer language sql immutable strict parallel safe
  return extract(year from value)::integer;
create or replace function mysql_compat.month(value timestamp) returns integer language sql immutable strict parallel safe
  return extract(month from value)::integer;
create or replace function mysql_compat.day(value timestamp) returns integer language sql immutable strict parallel safe
  return extract(day from value)::integer;
create or replace function mysql_compat.hour(value timestamp) returns integer language sql immutable strict parallel safe
  return extract(hour from value)::integer;

-- JSON kept as text.
create or replace function mysql_compat.json_extract(value text, path text) returns text language sql immutable strict parallel safe
  return (jsonb_path_query_first(value::jsonb, path::jsonpath))::text;
create or replace function mysql_compat.json_unquote(value text) returns text language sql immutable strict parallel safe
  return case when value like '"%' then value::jsonb #>> '{}' else value end;

-- SUM(a = b): a comparison is a number to MySQL.
create or replace function mysql_compat.add_boolean(total bigint, value boolean) returns bigint language sql immutable parallel safe
  return case when value is null then total else coalesce(total, 0) + value::integer end;
do $$ begin
  if not exists (select from pg_proc where proname = 'sum' and pronamespace = 'mysql_compat'::regnamespace) then
    create aggregate mysql_compat.sum(boolean) (sfunc = mysql_compat.add_boolean, stype = bigint, parallel = restricted);
  end if;
end $$;

-- A date compared with a number is the number of its digits (`opened_at >= 0` where members are filtered by what they
-- opened: true for every date, NULL for none).
create or replace function mysql_compat.date_number(value timestamp) returns bigint language sql immutable strict parallel safe
  return to_char(value, 'YYYYMMDDHH24MISS')::bigint;
create or replace function mysql_compat.date_eq(value timestamp, number integer) returns boolean language sql immutable strict parallel safe
  return mysql_compat.date_number(value) = number;
create or replace function mysql_compat.date_ne(value timestamp, number integer) returns boolean language sql immutable strict parallel safe
  return mysql_compat.date_number(value) <> number;
create or replace function mysql_compat.date_lt(value timestamp, number integer) returns boolean language sql immutable strict parallel safe
  return mysql_compat.date_number(value) < number;
create or replace function mysql_compat.date_le(value timestamp, number integer) returns boolean language sql immutable strict parallel safe
  return mysql_compat.date_number(value) <= number;
create or replace function mysql_compat.date_gt(value timestamp, number integer) returns boolean language sql immutable strict parallel safe
  return mysql_compat.date_number(value) > number;
create or replace function mysql_compat.date_ge(value timestamp, number integer) returns boolean language sql immutable strict parallel safe
  return mysql_compat.date_number(value) >= number;
do $$ begin
  if not exists (select from pg_operator where oprname = '>=' and oprnamespace = 'mysql_compat'::regnamespace) then
    create operator mysql_compat.= (leftarg = timestamp, rightarg = integer, function = mysql_compat.date_eq);
    create operator mysql_compat.<> (leftarg = timestamp, rightarg = integer, function = mysql_compat.date_ne);
    create operator mysql_compat.< (leftarg = timestamp, rightarg = integer, function = mysql_compat.date_lt);
    create operator mysql_compat.<= (leftarg = timestamp, rightarg = integer, function = mysql_compat.date_le);
    create operator mysql_compat.> (leftarg = timestamp, rightarg = integer, function = mysql_compat.date_gt);
    create operator mysql_compat.>= (leftarg = timestamp, rightarg = integer, function = mysql_compat.date_ge);
  end if;
end $$;

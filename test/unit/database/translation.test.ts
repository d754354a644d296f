import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tokenize } from '../../../runtime/site/database/lexer.ts';
import { Translator, translate } from '../../../runtime/site/database/translation.ts';

const sqlOf = (sql: string) => translate(sql).sql.replaceAll(/\s+/g, ' ').trim();

describe('the lexer', () => {
  it('reads strings, identifiers, comments and placeholders by the rules of MySQL', () => {
    const tokens = tokenize(
      "select 'it''s \\'x\\' ?', \"a\"\"b\", `c``d`, ? -- ? `\n # ?\n /* ? */ where 50\\%2 = \\? <=> 1.5e3",
    );
    const parts = tokens.filter((token) => token.kind !== 'space').map((token) => `${token.kind}:${token.text}`);
    expect(parts).toEqual([
      'word:select',
      "string:it's 'x' ?",
      'operator:,',
      'string:a"b',
      'operator:,',
      'identifier:c`d',
      'operator:,',
      'parameter:?',
      'word:where',
      'number:50',
      'operator:\\',
      'operator:%',
      'number:2',
      'operator:=',
      'operator:?',
      'operator:<=>',
      'number:1.5e3',
    ]);
  });

  it('ends on any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'\'"`\\?/*-# aZ9.<=>|&,;\n') }), (sql) =>
        Array.isArray(tokenize(sql)),
      ),
    );
  });

  it('gives a string literal back as PostgreSQL writes it, whatever is in it', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('\0')),
        (text) => {
          const mysql = `'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
          const { sql } = translate(`delete from t where a = ${mysql}`);
          const literal = sql.slice(sql.indexOf('= ') + 2);
          const written = literal.startsWith('E')
            ? literal.slice(2, -1).replaceAll('\\\\', '\\')
            : literal.slice(1, -1);
          expect(written.replaceAll("''", "'")).toBe(text);
        },
      ),
    );
  });
});

describe('a translated statement', () => {
  it.each([
    [
      'orders rows by primary key where nothing else is said',
      'select * from `settings`',
      'select * from "settings" ORDER BY "settings"."id"',
    ],
    [
      'breaks ties by primary key',
      'select * from `posts` as `p` order by `updated_at` desc limit ?',
      'select * from "posts" as "p" order by "updated_at" desc NULLS LAST , "p"."id" limit $1',
    ],
    [
      'knows the keys of tables without id',
      'select * from `brute` where `key` = ?',
      'select * from "brute" where "key" = $1 ORDER BY "brute"."key" NULLS FIRST',
    ],
    [
      'puts NULL first when ascending',
      'select * from `posts` order by `published_at`, `id`',
      'select * from "posts" order by "published_at" NULLS FIRST, "id"',
    ],
    [
      'leaves keys that are never NULL to their index',
      'select * from `posts` order by `created_at` desc',
      'select * from "posts" order by "created_at" desc, "posts"."id"',
    ],
    [
      'drops the order of a count',
      'select count(*) as `aggregate` from `posts` order by `posts`.`title`',
      'select count(*) as "aggregate" from "posts"',
    ],
    ['names a call by its text', 'select count(*) from `members`', 'select count(*) AS "count(*)" from "members"'],
    [
      'orders groups by their key',
      'select `status`, count(*) as `n` from `posts` group by `status`',
      'select "status", count(*) as "n" from "posts" group by "status" ORDER BY "status" NULLS FIRST',
    ],
    [
      'keeps the case of aliases',
      'select max(`id`) as maxId from `a` group by `b` having maxId > 1',
      'select max("id") as "maxId" from "a" group by "b" having (max("id")) > 1 ORDER BY "b" NULLS FIRST',
    ],
    [
      'takes a lock off a distinct select',
      'select distinct `tags`.* from `tags` for update',
      'select distinct "tags".* from "tags"',
    ],
    [
      'locks the table that an outer join starts from',
      'select `p`.`a` from `posts` as `p` left join `x` on 1 = 1 for update',
      'select "p"."a" from "posts" as "p" left join "x" on 1 = 1 for update OF "p"',
    ],
    ['swaps the numbers of LIMIT a, b', 'select 1 limit 5, 10', 'select 1 limit 10 OFFSET 5'],
    [
      'divides chains of factors and quotients from the left',
      'delete from t where 100 * (a + b) / sum(c) / t.d < 5',
      'delete from t where mysql_compat.divide(mysql_compat.divide(100 * (a + b) , sum(c)) , t.d) < 5',
    ],
    [
      'knows aliases in HAVING and inside of the keys of ORDER BY',
      'select `a`, count(?) as `count` from (select 1) q group by `a` having `count` > ? and max(`count`) order by `count` desc, `count` + ?',
      'select "a", count($1) as "count" from (select 1) q group by "a" having (count($2)) > $3 and max((count($4))) order by "count" desc NULLS LAST, (count($5)) + $6 NULLS FIRST, "a" NULLS FIRST',
    ],
    [
      'picks one value of a column that is not grouped',
      'select `t`.`name`, count(*) as `n`, `r`.`a` as `b` from `x` as `r` join `t` on 1 = 1 group by `r`.`tag_id` order by `t`.`sort` desc, `n`',
      'select min("t"."name") AS "name", count(*) as "n", min("r"."a") as "b" from "x" as "r" join "t" on 1 = 1 group by "r"."tag_id" order by min("t"."sort") desc NULLS LAST, "n" NULLS FIRST, "r"."tag_id" NULLS FIRST',
    ],
    [
      'leaves what the primary key of its table determines, and what is grouped',
      'select `t`.`name`, `a`, count(*) as `n`, q.`b`, q.c as tier from `t` join (select 1) as q on 1 = 1 group by `t`.`id`, `a`, tier',
      'select "t"."name", "a", count(*) as "n", min(q."b") AS "b", q.c as tier from "t" join (select 1) as q on 1 = 1 group by "t"."id", "a", tier ORDER BY "t"."id", "a" NULLS FIRST, tier NULLS FIRST',
    ],
    [
      'leaves a column its own name in HAVING',
      'select `t`.`a` as `a` from (select 1) q group by `a` having t.`a` > 1 and count(`a`) > 1',
      'select "t"."a" as "a" from (select 1) q group by "a" having t."a" > 1 and count("a") > 1 ORDER BY "a" NULLS FIRST',
    ],
    [
      'leaves the rows of a common table without a key to fall back on',
      'with x as (select 1 from (select 2) q) select x.a from x order by x.a desc',
      'with x as (select 1 from (select 2) q) select x.a from x order by x.a desc NULLS LAST',
    ],
    [
      'divides decimally, and by zero to NULL',
      'select a / b as r from (select 1) q',
      'select mysql_compat.divide(a , b) as r from (select 1) q',
    ],
    [
      'gives a join between what machines and what people write one collation',
      'delete from t where `p`.`price_id` = `e`.`note` and `e`.`name` = p.uuid and p.id = e.member_id and p.id = ?',
      'delete from t where "p"."price_id" COLLATE mysql_compat.ai_ci = "e"."note" and "e"."name" = p.uuid COLLATE mysql_compat.ai_ci and p.id = e.member_id and p.id = $1',
    ],
    ['compares NULL safely', 'delete from t where a <=> ?', 'delete from t where a IS NOT DISTINCT FROM $1'],
    [
      'aggregates texts',
      "select group_concat(`n` order by `n` desc separator '; ') as x from `t` group by `g`",
      'select string_agg(("n" )::text, \'; \' order by "n" desc NULLS LAST ) as x from "t" group by "g" ORDER BY "g" NULLS FIRST',
    ],
    [
      'casts',
      'select cast(`a` as char) as c, ifnull(`b`, 0) as b from (select 1) q',
      'select cast("a" as text) as c, coalesce("b", 0) as b from (select 1) q',
    ],
    [
      'takes booleans for numbers',
      'delete from t where a = true and b is not false',
      'delete from t where a = 1 and b is not false',
    ],
    [
      'knows intervals',
      'delete from t where a < date_sub(now(), interval ? day)',
      "delete from t where a < date_sub(date_trunc('second', localtimestamp), ($1::text || ' DAY')::interval)",
    ],
    [
      'ignores duplicates',
      'insert ignore into `a` (`b`) values (?)',
      'insert into "a" ("b") values ($1) ON CONFLICT DO NOTHING',
    ],
    [
      'updates duplicates',
      'insert into `a` (`k`, `n`) values (?, ?) on duplicate key update `n` = values(`n`)',
      'insert into "a" ("k", "n") values ($1, $2) ON CONFLICT ("k") DO UPDATE SET "n" = excluded."n"',
    ],
    [
      'unqualifies what it assigns',
      'update `t` set `t`.`a` = ?, `t`.`b` = `t`.`c` where `t`.`d` = 1',
      'update "t" set "a" = $1, "b" = "t"."c" where "t"."d" = 1',
    ],
    [
      'gives a CASE the type of its column',
      "update `t` set `at` = case id when ? then '2026-01-01' end",
      'update "t" set "at" = case id when $1 then \'2026-01-01\' WHEN NULL THEN "at" end',
    ],
    [
      'drops what only MySQL needs to know of a definition',
      'alter table `t` add unique `u` (`a` (31)), algorithm=copy',
      'alter table "t" add unique "u" ("a" )',
    ],
    [
      'puts NULL into an index where an order has it',
      'create index `i` on `posts` (`published_at`, `title` desc, `created_at`)',
      'create index "i" on "posts" ("published_at" NULLS FIRST, "title" desc NULLS LAST, "created_at")',
    ],
    [
      'drops the options of a view',
      'create or replace sql security invoker view `v` as select `id` from `m`',
      'create or replace view "v" as select "id" from "m"',
    ],
    [
      'lets a foreign key be deferred',
      'alter table `t` add constraint `f` foreign key (`a`) references `u` (`id`) on delete cascade',
      'alter table "t" add constraint "f" foreign key ("a") references "u" ("id") on delete cascade DEFERRABLE INITIALLY IMMEDIATE',
    ],
    [
      'empties the database that is to be dropped',
      'DROP DATABASE IF EXISTS `d`;',
      "select mysql_compat.empty_database('d', true)",
    ],
    ['empties a table that others refer to', 'truncate `posts`', "select mysql_compat.truncate_table('posts')"],
    [
      'leaves what stands in strings alone',
      "delete from t where a = 'order by ? limit 1, 2 / `x`'",
      "delete from t where a = 'order by ? limit 1, 2 / `x`'",
    ],
  ])('%s', (_behaviour, mysql, postgres) => {
    expect(sqlOf(mysql)).toBe(postgres);
  });

  it('folds both sides of LIKE', () => {
    expect(sqlOf('delete from t where `a`.`b` not like ? or lower(c) like ?')).toBe(
      'delete from t where mysql_compat.fold("a"."b") COLLATE "C" not LIKE mysql_compat.fold($1) or mysql_compat.fold(lower(c)) COLLATE "C" LIKE mysql_compat.fold($2)',
    );
    expect(sqlOf("delete from t where `a` ilike '6.%'")).toBe(
      'delete from t where mysql_compat.fold("a") COLLATE "C" LIKE mysql_compat.fold(\'6.%\')',
    );
    expect(sqlOf("delete from t where a like ? escape '*'")).toBe(
      'delete from t where mysql_compat.fold(a) COLLATE "C" LIKE mysql_compat.fold($1) escape \'*\'',
    );
  });

  it('is looked up, not made again, when its text was seen before', () => {
    const translator = new Translator();
    expect(translator.translate('select 1')).toBe(translator.translate('select 1'));
  });
});

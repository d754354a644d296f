/** Statements that PostgreSQL does not have at all; each whole statement is replaced. */

const quoted = String.raw`[\`"']?([\w$-]+)[\`"']?`;

interface Rule {
  readonly pattern: RegExp;
  /** PostgreSQL's text; `?` stands for the statement's own placeholder. */
  readonly rewrite: (match: RegExpExecArray) => string;
}

const rules: readonly Rule[] = [
  {
    // Ghost's exporter (6.36 reads each value of each row), knex-migrator's reset and the views' migration list tables.
    pattern: /^show\s+(full\s+)?tables\b(.*)$/is,
    rewrite: ([, full, rest = '']) => {
      const like = /like\s+'([^']*)'/i.exec(rest)?.[1];
      const kinds = /base\s+table/i.test(rest) ? "'r', 'p'" : "'r', 'p', 'v'";
      const type =
        full === undefined ? '' : ", case relkind when 'v' then 'VIEW' else 'BASE TABLE' end as \"Table_type\"";
      return `select relname::text as "Tables_in_db"${type}
        from pg_class where relnamespace = current_schema()::regnamespace and relkind in (${kinds})
        ${like === undefined ? '' : `and relname like ${literal(like)}`} order by relname collate "C"`;
    },
  },
  {
    // schema/commands.js asks for indexes before it adds or drops one.
    pattern: new RegExp(
      String.raw`^show\s+(?:indexes|index|keys)\s+(?:from|in)\s+${quoted}(?:\s+where\s+key_name\s*=\s*(.+))?$`,
      'is',
    ),
    rewrite: ([, table = '', name]) => `select ${literal(table)} as "Table", (not i.indisunique)::int as "Non_unique",
        case when i.indisprimary then 'PRIMARY' else ic.relname::text end as "Key_name", k.position as "Seq_in_index", a.attname::text as "Column_name"
        from pg_index i join pg_class ic on ic.oid = i.indexrelid join pg_class tc on tc.oid = i.indrelid
        cross join lateral unnest(i.indkey) with ordinality as k(attnum, position)
        left join pg_attribute a on a.attrelid = tc.oid and a.attnum = k.attnum
        where i.indrelid = mysql_compat.table_or_error(${literal(table)})
        ${name === undefined ? '' : `and ic.relname::text = ${operand(name)}`} order by i.indisprimary desc, ic.relname, k.position`,
  },
  {
    pattern: new RegExp(
      String.raw`^show\s+(?:full\s+)?columns\s+(?:from|in)\s+${quoted}(?:\s+(?:like|where\s+field\s*=)\s+(.+))?$`,
      'is',
    ),
    rewrite: ([
      ,
      table = '',
      column,
    ]) => `select a.attname::text as "Field", format_type(a.atttypid, a.atttypmod) as "Type",
        case when a.attnotnull then 'NO' else 'YES' end as "Null", '' as "Key",
        regexp_replace(pg_get_expr(d.adbin, d.adrelid), '^''(.*)''::.*$', '\\1') as "Default", '' as "Extra"
        from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
        where a.attrelid = mysql_compat.table_or_error(${literal(table)}) and a.attnum > 0 and not a.attisdropped
        ${column === undefined ? '' : `and a.attname::text = ${operand(column)}`} order by a.attnum`,
  },
  {
    // Deferring is what a role without superuser rights can do, and what resets and migrations need.
    pattern: /^set\s+(?:@@)?(?:session\s+|session\.)?foreign_key_checks\s*=\s*(\S+)$/i,
    rewrite: ([, value = '1']) => `select mysql_compat.set_foreign_key_checks(${/^(1|on)$/i.test(value)})`,
  },
  // Session settings of MySQL: the role has its own, and a pooler's session is nobody's.
  { pattern: /^set\s+(@@|session\s|names\s|sql_mode|autocommit|unique_checks|global\s)/i, rewrite: () => 'select 1' },
  {
    // knex-migrator creates the database and takes "exists" for an answer; whoever provisions it did.
    pattern: new RegExp(String.raw`^create\s+(?:database|schema)\s+(?:if\s+not\s+exists\s+)?${quoted}`, 'i'),
    rewrite: ([, name = '']) => `select mysql_compat.database_exists(${literal(name)})`,
  },
  {
    // knex-migrator's reset. The database stays, empty: a site's role may not make one, and init expects to find it.
    pattern: new RegExp(String.raw`^drop\s+(?:database|schema)\s+(if\s+exists\s+)?${quoted}$`, 'i'),
    rewrite: ([, lenient, name = '']) =>
      `select mysql_compat.empty_database(${literal(name)}, ${lenient !== undefined})`,
  },
  {
    pattern: new RegExp(String.raw`^create\s+table\s+${quoted}\s+like\s+${quoted}$`, 'i'),
    rewrite: ([, to = '', from = '']) => `create table ${name(to)} (like ${name(from)} including all)`,
  },
  {
    // MySQL truncates a table that others refer to where foreign keys are not checked, PostgreSQL never.
    pattern: new RegExp(String.raw`^truncate\s+(?:table\s+)?${quoted}(?:\s+restart\s+identity)?$`, 'i'),
    rewrite: ([, table = '']) => `select mysql_compat.truncate_table(${literal(table)})`,
  },
];

/** PostgreSQL's text for a statement that it does not have, with `$1` for the placeholder; undefined for all others. */
export function replaceStatement(sql: string): string | undefined {
  const text = sql.trim().replace(/;\s*$/, '');
  if (!/^(show|set|create|drop|truncate)\b/i.test(text)) return undefined;
  for (const { pattern, rewrite } of rules) {
    const match = pattern.exec(text);
    if (match !== null) return rewrite(match);
  }
  return undefined;
}

export function literal(text: string): string {
  return text.includes('\\')
    ? `E'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`
    : `'${text.replaceAll("'", "''")}'`;
}

export function name(text: string): string {
  return `"${text.replaceAll('"', '""')}"`;
}

function operand(text: string): string {
  const trimmed = text.trim();
  return trimmed === '?' ? '$1' : literal(trimmed.replace(/^['"`]|['"`]$/g, ''));
}

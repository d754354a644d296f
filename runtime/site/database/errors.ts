/** What PostgreSQL tells about an error. */
interface ServerError extends Error {
  code?: string;
  detail?: string;
  constraint?: string;
  table?: string;
  column?: string;
}

/** An error in mysql2's shape. */
export interface MysqlError extends Error {
  code: string;
  errno: number;
  sqlState: string;
  sqlMessage: string;
}

/** SQLSTATE → MySQL's symbol and number, as https://dev.mysql.com/doc/mysql-errors/8.0/en/server-error-reference.html */
const codes: Readonly<Record<string, readonly [string, number]>> = {
  '22001': ['ER_DATA_TOO_LONG', 1406],
  '22003': ['ER_WARN_DATA_OUT_OF_RANGE', 1264],
  '22007': ['ER_WRONG_VALUE', 1525],
  '22008': ['ER_WRONG_VALUE', 1525],
  '22P02': ['ER_WRONG_VALUE', 1525],
  '23001': ['ER_ROW_IS_REFERENCED_2', 1451],
  '23502': ['ER_BAD_NULL_ERROR', 1048],
  '23503': ['ER_NO_REFERENCED_ROW_2', 1452],
  '23505': ['ER_DUP_ENTRY', 1062],
  '3D000': ['ER_BAD_DB_ERROR', 1049],
  '40P01': ['ER_LOCK_DEADLOCK', 1213],
  '42601': ['ER_PARSE_ERROR', 1064],
  '42701': ['ER_DUP_FIELDNAME', 1060],
  '42703': ['ER_BAD_FIELD_ERROR', 1054],
  '42704': ['ER_CANT_DROP_FIELD_OR_KEY', 1091],
  '42710': ['ER_DUP_KEYNAME', 1061],
  '42803': ['ER_WRONG_FIELD_WITH_GROUP', 1055],
  '42883': ['ER_SP_DOES_NOT_EXIST', 1305],
  '42P01': ['ER_NO_SUCH_TABLE', 1146],
  '42P04': ['ER_DB_CREATE_EXISTS', 1007],
  '42P07': ['ER_TABLE_EXISTS_ERROR', 1050],
  '42P16': ['ER_MULTIPLE_PRI_KEY', 1068],
  '55P03': ['ER_LOCK_WAIT_TIMEOUT', 1205],
};

/** Errors without a server: Ghost and knex-migrator tell them by these codes, which mysql2 shares with Node. */
const networkCode = /^E[A-Z]/;

/**
 * Gives an error of PostgreSQL the code, number and message shape of MySQL's, on which Ghost branches
 * (`ER_DUP_ENTRY` in the models, 1146 in knex-migrator, 1061 and 1091 in schema/commands.js).
 *
 * @param sql PostgreSQL's text, of which only the kind of statement is looked at
 */
export function toMysqlError(error: unknown, sql: string): unknown {
  if (!(error instanceof Error)) return error;
  const original = error as ServerError;
  const state = original.code ?? '';
  const mapped = specialCode(original, sql) ?? codes[state];
  if (mapped === undefined || networkCode.test(state)) return maskInApi(error);
  const message = mysqlMessage(original, mapped[0]);
  return maskInApi(
    Object.assign(error, { code: mapped[0], errno: mapped[1], sqlState: state, sqlMessage: message, message }),
  );
}

function specialCode(error: ServerError, sql: string): readonly [string, number] | undefined {
  const state = error.code;
  if (state === '42P07' && /\b(index|constraint)\b/i.test(sql)) return ['ER_DUP_KEYNAME', 1061];
  if (state === '42703' && /drop column/i.test(sql)) return ['ER_CANT_DROP_FIELD_OR_KEY', 1091];
  // A filter on a table that the query does not join (`emails.id:null`): Ghost answers 1054 with 400, anything else with 500.
  if (state === '42P01' && /FROM-clause entry/.test(error.message)) return ['ER_BAD_FIELD_ERROR', 1054];
  if (state === '42710' && /foreign key/i.test(sql)) return ['ER_FK_DUP_NAME', 1826];
  if (state === '23503' && /still referenced/.test(error.detail ?? '')) return ['ER_ROW_IS_REFERENCED_2', 1451];
  // An absurd page: MySQL cannot parse the number (`?page=1e40`).
  if ((state === '22003' || state === '22P02') && /out of range for type bigint|for type bigint/.test(error.message))
    return ['ER_PARSE_ERROR', 1064];
  return undefined;
}

function mysqlMessage(error: ServerError, code: string): string {
  if (code === 'ER_DUP_ENTRY') {
    const value = /^Key \(.*?\)=\((.*)\) already exists/.exec(error.detail ?? '')?.[1] ?? '';
    const key = error.constraint?.endsWith('_pkey') === true ? 'PRIMARY' : (error.constraint ?? '');
    return `Duplicate entry '${value.replaceAll(', ', '-')}' for key '${error.table}.${key}'`;
  }
  if (code === 'ER_WRONG_VALUE') {
    const value = /"([^"]*)"\s*$/.exec(error.message)?.[1] ?? '';
    const type = /time|date/.test(error.message)
      ? 'DATETIME'
      : (/type (\w+)/.exec(error.message)?.[1] ?? 'value').toUpperCase();
    return `Incorrect ${type} value: '${value}'`;
  }
  if (code === 'ER_NO_SUCH_TABLE')
    return `Table '${/relation "([^"]*)"/.exec(error.message)?.[1] ?? ''}' doesn't exist`;
  if (code === 'ER_BAD_FIELD_ERROR')
    return `Unknown column '${(/(?:column|table) "?([^"\s]*)"?/.exec(error.message)?.[1] ?? '').replaceAll('"', '')}' in 'field list'`;
  if (code === 'ER_DATA_TOO_LONG') return `Data too long for column '${error.column ?? ''}' at row 1`;
  if (code === 'ER_BAD_NULL_ERROR') return `Column '${error.column}' cannot be null`;
  return error.message;
}

/**
 * Ghost's API hides the text of database errors from its callers when the stack says that mysql2 threw them
 * (@tryghost/mw-error-handler); without that, SQL would be shown to the public.
 */
function maskInApi(error: Error): Error {
  if (!error.stack?.includes('node_modules/mysql2'))
    error.stack = `${error.stack}\n    at PostgreSQL in the place of (node_modules/mysql2)`;
  return error;
}

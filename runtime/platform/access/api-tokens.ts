import { createHash, randomBytes } from 'node:crypto';
import type { Transaction } from '../database/connection.ts';
import { getAccount } from './accounts.ts';
import type { TokenScope, Viewer } from './viewer.ts';

/** Begins every token, so that scanners of repositories know one. */
const tokenPrefix = 'gfp_';

export interface ApiToken {
  readonly id: string;
  readonly name: string;
  readonly scopes: readonly TokenScope[];
  readonly created_at: Date;
  readonly expires_at: Date | null;
  readonly last_used_at: Date | null;
  readonly revoked_at: Date | null;
}

/**
 * Makes a token of an account. Its text is returned once and kept nowhere: the table has a hash of it.
 *
 * @param expiresAt undefined: it does not expire
 */
export async function createApiToken(
  db: Transaction,
  viewer: Viewer,
  name: string,
  scopes: readonly TokenScope[],
  expiresAt: Date | undefined,
): Promise<string> {
  const token = `${tokenPrefix}${randomBytes(32).toString('base64url')}`;
  await db('api_tokens').insert({
    account_id: viewer.accountId,
    creator_id: viewer.creatorId ?? null,
    name,
    scopes: [...scopes],
    hash: hashOf(token),
    expires_at: expiresAt ?? null,
  });
  return token;
}

/** An account's tokens, the newest first. */
export async function listApiTokens(db: Transaction, accountId: string): Promise<ApiToken[]> {
  return db<ApiToken & { account_id: string }>('api_tokens')
    .where({ account_id: accountId })
    .orderBy('created_at', 'desc')
    .select('id', 'name', 'scopes', 'created_at', 'expires_at', 'last_used_at', 'revoked_at');
}

/** @returns whether the account had that token and it was not revoked yet */
export async function revokeApiToken(db: Transaction, accountId: string, id: string, now: Date): Promise<boolean> {
  const query = db('api_tokens').where({ id, account_id: accountId }).whereNull('revoked_at');
  return (await query.update({ revoked_at: now })) > 0;
}

/** Whose token a request shows, with the token's scopes. Needs the fleet's scope. */
export async function findTokenViewer(db: Transaction, token: string, now: Date): Promise<Viewer | undefined> {
  if (!token.startsWith(tokenPrefix)) return undefined;
  const row = await db('api_tokens')
    .where({ hash: hashOf(token) })
    .whereNull('revoked_at')
    .andWhere((live) => live.whereNull('expires_at').orWhere('expires_at', '>', now))
    .first();
  if (row === undefined) return undefined;
  await db('api_tokens').where({ id: row.id }).update({ last_used_at: now });
  const account = await getAccount(db, row.account_id);
  return account && { ...account, scopes: row.scopes };
}

function hashOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

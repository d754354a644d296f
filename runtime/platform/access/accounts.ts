import type { Transaction } from '../database/connection.ts';
import type { Role, Viewer } from './viewer.ts';

interface AccountRow {
  readonly id: string;
  readonly email: string;
  readonly role: Role;
  readonly creator_id: string | null;
  readonly disabled_at: Date | null;
}

/** The account of an e-mail address, unless there is none or it is disabled. Needs the fleet's scope. */
export async function findAccount(db: Transaction, email: string): Promise<Viewer | undefined> {
  return viewerOf(await db<AccountRow>('accounts').where({ email: email.trim().toLowerCase() }).first());
}

/** The account of a session or a token, unless it is gone or disabled since. Needs the fleet's scope. */
export async function getAccount(db: Transaction, id: string): Promise<Viewer | undefined> {
  return viewerOf(await db<AccountRow>('accounts').where({ id }).first());
}

/** Notes that somebody signed in. */
export async function noteSignIn(db: Transaction, accountId: string, now: Date): Promise<void> {
  await db('accounts').where({ id: accountId }).update({ last_sign_in_at: now });
}

/**
 * Makes sure that the people of `staff` have an account with their role; nobody loses one. A creator's address that is
 * named here becomes staff and no longer acts for the creator.
 */
export async function ensureStaff(
  db: Transaction,
  staff: readonly { readonly email: string; readonly role: 'staff' | 'admin' }[],
): Promise<void> {
  for (const { email, role } of staff) {
    await db('accounts')
      .insert({ email: email.toLowerCase(), role, creator_id: null })
      .onConflict('email')
      .merge({ role, creator_id: null });
  }
}

function viewerOf(row: AccountRow | undefined): Viewer | undefined {
  if (row === undefined || row.disabled_at !== null) return undefined;
  const { id, email, role, creator_id } = row;
  return { accountId: id, email, role, creatorId: creator_id ?? undefined, scopes: undefined };
}

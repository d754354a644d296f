import type { PlatformDatabase, Transaction } from '../database/connection.ts';

export const roles = ['creator', 'staff', 'admin'] as const;
export type Role = (typeof roles)[number];

/** What an API token may be limited to. */
export const tokenScopes = ['sites:read', 'sites:write', 'metrics:read', 'billing:read'] as const;
export type TokenScope = (typeof tokenScopes)[number];

/** Who makes a request. */
export interface Viewer {
  readonly accountId: string;
  readonly email: string;
  readonly role: Role;
  /** The creator that the account acts for; undefined for staff and administrators. */
  readonly creatorId: string | undefined;
  /** Scopes of the API token that was shown; undefined for a browser's session, which may do all that its role may. */
  readonly scopes: readonly TokenScope[] | undefined;
}

/** Who a route is for. Administrators may do what staff may. */
export type Access = 'public' | 'signed-in' | 'creator' | 'staff' | 'admin';

/** Whether somebody may use a route; `scope` is what an API token needs, and routes without one are closed to tokens. */
export function mayUse(viewer: Viewer, access: Access, scope: TokenScope | undefined): boolean {
  if (viewer.scopes !== undefined && (scope === undefined || !viewer.scopes.includes(scope))) return false;
  if (access === 'staff') return viewer.role !== 'creator';
  if (access === 'creator') return viewer.role === 'creator';
  return access !== 'admin' || viewer.role === 'admin';
}

/** Runs `work` on what somebody may see: a creator's own rows, or the fleet's for staff. */
export function asViewer<T>(
  database: PlatformDatabase,
  viewer: Viewer,
  work: (db: Transaction) => Promise<T>,
): Promise<T> {
  return viewer.creatorId === undefined ? database.asFleet(work) : database.asCreator(viewer.creatorId, work);
}

import type { Transaction } from '../database/connection.ts';
import type { Viewer } from './viewer.ts';

/** A change, as the audit log keeps it. Never carries a secret. */
export interface AuditEntry {
  /** Creator whose affair it is; undefined for the fleet's own. */
  readonly creatorId: string | undefined;
  /** Verb with its object, such as `site.create`. */
  readonly action: string;
  /** Slug, number or address that it happened to. */
  readonly subject: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

/** Writes an entry in the transaction of the change itself, so that neither stands without the other. */
export async function audit(db: Transaction, actor: Viewer | string, entry: AuditEntry): Promise<void> {
  await db('audit_log').insert({
    creator_id: entry.creatorId ?? null,
    actor: typeof actor === 'string' ? actor : actor.email,
    action: entry.action,
    subject: entry.subject,
    details: JSON.stringify(entry.details ?? {}),
  });
}

export interface AuditLine {
  readonly id: number;
  readonly at: Date;
  readonly actor: string;
  readonly action: string;
  readonly subject: string;
  readonly details: Readonly<Record<string, unknown>>;
}

/** The newest entries that the scope shows, older than `before` where given. */
export async function listAudit(db: Transaction, limit: number, before?: number): Promise<AuditLine[]> {
  const query = db<AuditLine>('audit_log').select('id', 'at', 'actor', 'action', 'subject', 'details');
  if (before !== undefined) query.where('id', '<', before);
  return query.orderBy('id', 'desc').limit(limit);
}

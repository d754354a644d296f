/** A checkout of the registry's repository, of one process alone. */
export interface WorkingTree {
  /** Folder of the registry in it; read and written between calls. */
  readonly registry: string;
  /** Takes the newest state of the branch; what an interrupted call left in the registry goes. */
  pull(): Promise<void>;
  /**
   * Pushes what changed in the registry since the last `pull` as one commit; nothing where nothing did.
   *
   * @param author e-mail address of who asked for the change
   * @throws Error where it is refused, since somebody else has pushed in between for example
   */
  push(message: string, author: string): Promise<void>;
  /** Removes what only this process had. */
  close?(): Promise<void>;
}

/** Who writes the commits; the author of each is who asked for the change. */
export const committer = { name: 'ghost-fleet platform', email: 'platform@localhost' } as const;

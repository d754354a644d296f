import { DamagedBackupError } from '../../runtime/backup/manifest.ts';
import {
  SourceUnavailableError,
  TransferRefusedError,
  VerificationError,
} from '../../runtime/database/transfer/refusal.ts';
import { BackupTargetError } from '../../runtime/site/backups/target.ts';
import { SiteConfigError } from '../../runtime/site/config.ts';
import { DatabaseUnavailableError } from '../../runtime/site/migration/migrate.ts';
import { DatabaseNotPreparedError } from '../../runtime/site/migration/postgres-target.ts';
import { exitConfiguration, runCommand } from '../command.ts';

const exit = { refused: 1, unavailable: 69, internal: 70 } as const;

/** How these commands end, for their `--help`. */
export const exitCodes =
  'Exit codes: 0 done and verified, 1 refused and nothing changed, 69 a database did not answer, 70 internal (rolled back), 78 usage or configuration.';

/** Runs the main function of a command that moves a site and turns what goes wrong into lines and an exit code. */
export function runTransferCommand(main: () => Promise<number>): Promise<void> {
  return runCommand(async () => {
    try {
      return await main();
    } catch (error) {
      const code = exitCodeOf(error);
      if (code === undefined) throw error;
      // An expected failure needs no stack; an unexpected one is useless without.
      console.error(code === exit.internal && !(error instanceof VerificationError) ? error : (error as Error).message);
      return code;
    }
  });
}

/** Undefined for what every command reports alike. */
function exitCodeOf(error: unknown): number | undefined {
  if (error instanceof TransferRefusedError || error instanceof DamagedBackupError) return exit.refused;
  if (error instanceof SourceUnavailableError || error instanceof DatabaseUnavailableError) return exit.unavailable;
  if ([SiteConfigError, DatabaseNotPreparedError, BackupTargetError].some((kind) => error instanceof kind))
    return exitConfiguration;
  const { name, code = '' } = error as NodeJS.ErrnoException;
  const usage =
    ['UsageError', 'RegistryError', 'StackSettingsError'].includes(name) || code.startsWith('ERR_PARSE_ARGS');
  return usage ? undefined : exit.internal;
}

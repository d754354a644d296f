import type { Platform } from './manifest.ts';
import { UnavailableError } from './unavailable.ts';

/**
 * The platform that this process runs on.
 *
 * @throws UnavailableError where the tools are not published for it
 */
export function currentPlatform(): Platform {
  const { platform, arch } = process;
  if ((platform !== 'linux' && platform !== 'darwin') || (arch !== 'x64' && arch !== 'arm64')) {
    throw new UnavailableError(`expected linux or darwin on x64 or arm64; got ${platform} on ${arch}`);
  }
  return { os: platform, goArch: arch === 'x64' ? 'amd64' : 'arm64', pulumiArch: arch };
}

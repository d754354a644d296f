import { createRequire } from 'node:module';
import path from 'node:path';
import type { SiteConfig } from '../config.ts';

/**
 * Ghost's configuration for the adapter beside this file, or undefined where the site trusts no platform or its release of
 * Ghost (before `@tryghost/adapter-base-sso`) cannot tell an adapter who its owner is.
 */
export function ghostSignInConfig(config: SiteConfig): Record<string, unknown> | undefined {
  if (config.platformPublicKey === undefined) return undefined;
  try {
    createRequire(path.join(config.ghostPath, 'package.json')).resolve('@tryghost/adapter-base-sso');
  } catch {
    return undefined;
  }
  const adapter = path.join(import.meta.dirname, 'owner-adapter.ts');
  return { 'adapters:sso': { active: adapter, [adapter]: { site: config.slug, publicKey: config.platformPublicKey } } };
}

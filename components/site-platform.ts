import * as pulumi from '@pulumi/pulumi';
import { deriveSecret, type SecretPurpose } from '../sites/derived-secret.ts';
import { type Binding, createBindingSecret } from './binding.ts';
import type { PlatformDatabaseAccess } from './site-registration.ts';

/** What sites have to do with the platform, where it is switched on. */
export interface PlatformServiceAccess extends PlatformDatabaseAccess {
  /** Namespace of the pods that ask sites' probe ports for numbers. */
  readonly namespace: string;
  /** Key that the secrets are derived from by which the platform reaches each site. */
  readonly analyticsKey: pulumi.Input<string>;
  /** PEM; who signs by the other half is let into Ghost Admin as its owner. */
  readonly publicKey: pulumi.Input<string>;
}

/** Tells a site whom to let into Ghost Admin and whom to give its numbers. */
export function bindPlatform(
  slug: string,
  namespace: pulumi.Input<string>,
  platform: PlatformServiceAccess,
  parent: pulumi.Resource,
): Binding {
  const values = { ANALYTICS_TOKEN: deriveSiteSecret(platform, 'analytics-token', slug) };
  return {
    environment: { PLATFORM_PUBLIC_KEY: platform.publicKey },
    secret: createBindingSecret('platform', slug, namespace, values, { parent }),
  };
}

/** A secret of one site that the platform can derive too. */
export function deriveSiteSecret(
  { analyticsKey }: PlatformServiceAccess,
  purpose: SecretPurpose,
  slug: string,
): pulumi.Output<string> {
  return pulumi.secret(pulumi.output(analyticsKey).apply((key) => deriveSecret(key, purpose, slug)));
}

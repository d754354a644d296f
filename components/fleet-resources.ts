import * as pulumi from '@pulumi/pulumi';
import type { DatabaseInputs } from './provider/database.ts';
import type { PlacementInputs } from './provider/placement.ts';
import type { RedisUserInputs } from './provider/redis-user.ts';
import type { RegistrationInputs } from './provider/registration.ts';
import type { RoleInputs } from './provider/role.ts';
import type { SearchIndexInputs } from './provider/search-index.ts';
import type { SiteDatabaseInputs } from './provider/site-database.ts';

// Resources of this project's own provider (components/provider), which the engine starts as a plugin of its own.

type Args<Inputs> = { readonly [Key in keyof Inputs]: pulumi.Input<Inputs[Key]> };

/** A role, and a database or schema that only this role reaches; made, or adopted where it was kept. */
export class SiteDatabaseResource extends pulumi.CustomResource {
  declare readonly database: pulumi.Output<string>;
  declare readonly schema: pulumi.Output<string>;
  declare readonly user: pulumi.Output<string>;

  constructor(name: string, args: Args<SiteDatabaseInputs>, options: pulumi.CustomResourceOptions) {
    const outputs = { database: undefined, schema: undefined, user: undefined };
    super(
      'fleet:index:SiteDatabase',
      name,
      { ...outputs, ...args },
      withSecrets(options, ['admin', 'password', 'readerPassword']),
    );
  }
}

/** Where a site's data is: makes nothing, and refuses plans that would leave the data behind. */
export class PlacementResource extends pulumi.CustomResource {
  declare readonly strategy: pulumi.Output<string>;

  constructor(name: string, args: Args<PlacementInputs>, options: pulumi.CustomResourceOptions) {
    super('fleet:index:Placement', name, args, withSecrets(options, ['servers']));
  }
}

/** A role that logs in and owns nothing by itself; made, or adopted where it is there. */
export class RoleResource extends pulumi.CustomResource {
  declare readonly name: pulumi.Output<string>;
  /** What the server keeps of the password. */
  declare readonly verifier: pulumi.Output<string>;

  constructor(name: string, args: Args<RoleInputs>, options: pulumi.CustomResourceOptions) {
    const secret = ['admin', 'password', 'verifier'];
    super('fleet:index:Role', name, { verifier: undefined, ...args }, withSecrets(options, secret));
  }
}

/** A database that a role owns and only named roles reach; made, or adopted where this stack made it. */
export class DatabaseResource extends pulumi.CustomResource {
  declare readonly name: pulumi.Output<string>;

  constructor(name: string, args: Args<DatabaseInputs>, options: pulumi.CustomResourceOptions) {
    super('fleet:index:Database', name, args, withSecrets(options, ['admin', 'pooler']));
  }
}

/** A Redis ACL user that is limited to its key prefix. */
export class RedisUserResource extends pulumi.CustomResource {
  constructor(name: string, args: Args<RedisUserInputs>, options: pulumi.CustomResourceOptions) {
    super('fleet:index:RedisUser', name, args, withSecrets(options, ['admin', 'password']));
  }
}

/** An index of Meilisearch with its settings, a search-only key and an indexing key for this index alone. */
export class SearchIndexResource extends pulumi.CustomResource {
  declare readonly searchKey: pulumi.Output<string>;
  declare readonly indexingKey: pulumi.Output<string>;

  constructor(name: string, args: Args<SearchIndexInputs>, options: pulumi.CustomResourceOptions) {
    const outputs = { searchKey: undefined, indexingKey: undefined };
    const secret = ['admin', 'searchKey', 'indexingKey'];
    super('fleet:index:SearchIndex', name, { ...outputs, ...args }, withSecrets(options, secret));
  }
}

/** A site's row in the platform's database. */
export class RegistrationResource extends pulumi.CustomResource {
  constructor(name: string, args: Args<RegistrationInputs>, options: pulumi.CustomResourceOptions) {
    super('fleet:index:Registration', name, args, withSecrets(options, ['admin']));
  }
}

function withSecrets(options: pulumi.CustomResourceOptions, outputs: string[]): pulumi.CustomResourceOptions {
  return { ...options, additionalSecretOutputs: [...(options.additionalSecretOutputs ?? []), ...outputs] };
}

import type * as pulumi from '@pulumi/pulumi';

/** Where something answers. */
export interface Endpoint {
  readonly host: pulumi.Input<string>;
  readonly port: pulumi.Input<number>;
}

/** Pods or networks that a site's NetworkPolicy lets its pods reach, on these TCP ports. */
export interface Reachable {
  /** Networks, where it stands outside of the cluster. */
  readonly cidrs?: readonly string[];
  /** Namespace and labels of its pods, where it stands inside. */
  readonly pods?: { readonly namespace: string; readonly labels: Readonly<Record<string, string>> };
  readonly ports: readonly number[];
}

/** All that sites have to know of a PostgreSQL cluster: the cluster itself, or what its stack says of it. */
export interface PostgresAccess {
  readonly name: string;
  /** Transaction pooler: where queries go. */
  readonly pooler: Endpoint;
  /** Past the pooler: migrations, backups. */
  readonly direct: Endpoint;
  /** How connections to `direct` are encrypted; those to the pooler stay inside the cluster. */
  readonly ssl: 'off' | 'require' | 'verify';
  /** How the machine that runs Pulumi reaches the server, as an administrator. */
  readonly admin: Endpoint & { readonly user: pulumi.Input<string>; readonly password: pulumi.Input<string> };
  /** Role with which the pooler looks passwords up, where it does so in the site's database. */
  readonly poolerRole?: pulumi.Input<string> | undefined;
  readonly reachable: pulumi.Input<readonly Reachable[]>;
}

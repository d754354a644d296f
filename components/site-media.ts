import * as pulumi from '@pulumi/pulumi';
import { namesOf } from '../sites/naming.ts';
import * as iam from './aws/iam.ts';
import { type Binding, createBindingSecret } from './binding.ts';
import type { Reachable } from './postgres-access.ts';

/** Where the media of sites go: the site's own volume, a bucket of S3, or a server that speaks its protocol. */
export type MediaAccess =
  | { readonly kind: 'volume' }
  | {
      readonly kind: 's3';
      readonly bucketName: pulumi.Input<string>;
      readonly bucketArn: pulumi.Input<string>;
      readonly publicUrl: pulumi.Input<string>;
      readonly awsRegion: string;
      /** The cluster's OIDC provider, through which a ServiceAccount becomes a role. */
      readonly oidcProviderArn: string;
      readonly oidcIssuer: string;
    }
  | {
      readonly kind: 's3-compatible';
      readonly bucketName: string;
      readonly publicUrl: string;
      readonly endpoint: string;
      readonly region: string;
      readonly accessKeyId: pulumi.Input<string>;
      readonly secretAccessKey: pulumi.Input<string>;
      readonly reachable: pulumi.Input<readonly Reachable[]>;
    };

export interface SiteMediaArgs {
  readonly slug: string;
  readonly namespace: pulumi.Input<string>;
  readonly serviceAccount: string;
  readonly media: Exclude<MediaAccess, { kind: 'volume' }>;
}

/** A site's prefix in the media bucket, and an identity that reads and writes below it and nowhere else. */
export class SiteMedia extends pulumi.ComponentResource {
  readonly binding: Binding;
  /** Annotations that turn the site's ServiceAccount into its role. */
  readonly serviceAccountAnnotations: Readonly<Record<string, pulumi.Input<string>>>;

  constructor(name: string, args: SiteMediaArgs, options?: pulumi.ComponentResourceOptions) {
    super('ghost-fleet:components:SiteMedia', name, {}, options);
    const { media, slug } = args;
    const environment = {
      S3_BUCKET: media.bucketName,
      S3_PREFIX: namesOf(slug).mediaPrefix,
      S3_PUBLIC_URL: media.publicUrl,
    };
    if (media.kind === 's3') {
      const role = this.#createRole(name, args, media);
      this.serviceAccountAnnotations = { 'eks.amazonaws.com/role-arn': role.arn };
      this.binding = { environment: { ...environment, S3_REGION: media.awsRegion } };
    } else {
      this.serviceAccountAnnotations = {};
      const values = { S3_ACCESS_KEY_ID: media.accessKeyId, S3_SECRET_ACCESS_KEY: media.secretAccessKey };
      this.binding = {
        environment: { ...environment, S3_REGION: media.region, S3_ENDPOINT: media.endpoint },
        secret: createBindingSecret('media', slug, args.namespace, values, { parent: this }),
      };
    }
    this.registerOutputs({});
  }

  #createRole(name: string, args: SiteMediaArgs, media: MediaAccess & { kind: 's3' }): iam.Role {
    const { namespace, mediaPrefix } = namesOf(args.slug);
    const trust = {
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Allow',
          Principal: { Federated: media.oidcProviderArn },
          Action: 'sts:AssumeRoleWithWebIdentity',
          Condition: {
            StringEquals: {
              [`${media.oidcIssuer}:sub`]: `system:serviceaccount:${namespace}:${args.serviceAccount}`,
              [`${media.oidcIssuer}:aud`]: 'sts.amazonaws.com',
            },
          },
        },
      ],
    };
    const role = new iam.Role(
      `${name}-role`,
      { name: namespace, description: `Media of the site ${args.slug}`, assumeRolePolicy: JSON.stringify(trust) },
      { parent: this },
    );
    const policy = pulumi.jsonStringify({
      Version: '2012-10-17',
      Statement: [
        {
          Sid: 'OwnObjects',
          Effect: 'Allow',
          Action: ['s3:GetObject', 's3:PutObject', 's3:DeleteObject', 's3:AbortMultipartUpload'],
          Resource: pulumi.interpolate`${media.bucketArn}/${mediaPrefix}*`,
        },
        {
          Sid: 'OwnList',
          Effect: 'Allow',
          Action: 's3:ListBucket',
          Resource: media.bucketArn,
          Condition: { StringLike: { 's3:prefix': `${mediaPrefix}*` } },
        },
      ],
    });
    new iam.RolePolicy(`${name}-policy`, { name: 'media', role: role.name, policy }, { parent: this });
    return role;
  }
}

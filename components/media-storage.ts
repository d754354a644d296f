import * as pulumi from '@pulumi/pulumi';
import * as cloudfront from './aws/cloudfront.ts';
import * as iam from './aws/iam.ts';
import * as s3 from './aws/s3.ts';

export interface MediaStorageArgs {
  readonly bucket: string;
  readonly awsRegion: string;
  /** How long an overwritten or deleted object can be brought back. */
  readonly noncurrentVersionDays: number;
  /** Host name of the CDN, with its certificate in us-east-1. @default CloudFront's own name */
  readonly cdn?: { readonly domain: string; readonly certificateArn: string } | undefined;
}

/** A bucket for the media of all sites, private, with versions, read by the public through CloudFront alone. */
export class MediaStorage extends pulumi.ComponentResource {
  readonly bucketName: pulumi.Output<string>;
  readonly bucketArn: pulumi.Output<string>;
  /** Where readers get media. */
  readonly publicUrl: pulumi.Output<string>;

  constructor(name: string, args: MediaStorageArgs, options?: pulumi.ComponentResourceOptions) {
    super('ghost-fleet:components:MediaStorage', name, {}, options);
    const bucket = new s3.Bucket(
      `${name}-bucket`,
      { bucket: args.bucket, region: args.awsRegion, forceDestroy: false },
      { parent: this, protect: true, retainOnDelete: true },
    );
    this.#lockDown(name, bucket, args);
    const distribution = this.#createDistribution(name, bucket, args);
    this.#allowReading(name, bucket, distribution, args.awsRegion);

    this.bucketName = bucket.bucket;
    this.bucketArn = bucket.arn;
    this.publicUrl = pulumi.interpolate`https://${args.cdn?.domain ?? distribution.domainName}`;
    this.registerOutputs({ bucketName: this.bucketName, publicUrl: this.publicUrl });
  }

  #lockDown(name: string, bucket: s3.Bucket, { awsRegion: region, noncurrentVersionDays }: MediaStorageArgs): void {
    const options = { parent: this };
    const settings = { bucket: bucket.bucket, region };
    new s3.BucketPublicAccessBlock(
      `${name}-public-access-block`,
      {
        ...settings,
        blockPublicAcls: true,
        blockPublicPolicy: true,
        ignorePublicAcls: true,
        restrictPublicBuckets: true,
      },
      options,
    );
    new s3.BucketOwnershipControls(
      `${name}-ownership`,
      { ...settings, rule: { objectOwnership: 'BucketOwnerEnforced' } },
      options,
    );
    new s3.BucketServerSideEncryptionConfiguration(
      `${name}-encryption`,
      {
        ...settings,
        rules: [{ applyServerSideEncryptionByDefault: { sseAlgorithm: 'AES256' }, bucketKeyEnabled: true }],
      },
      options,
    );
    const versioning = new s3.BucketVersioning(
      `${name}-versioning`,
      { ...settings, versioningConfiguration: { status: 'Enabled' } },
      options,
    );
    new s3.BucketLifecycleConfiguration(
      `${name}-lifecycle`,
      {
        ...settings,
        rules: [
          {
            id: 'old-versions',
            status: 'Enabled',
            filter: { prefix: '' },
            noncurrentVersionExpiration: { noncurrentDays: noncurrentVersionDays },
            abortIncompleteMultipartUpload: { daysAfterInitiation: 7 },
          },
        ],
      },
      { ...options, dependsOn: [versioning] },
    );
  }

  #createDistribution(name: string, bucket: s3.Bucket, { cdn }: MediaStorageArgs): cloudfront.Distribution {
    const access = new cloudfront.OriginAccessControl(
      `${name}-access`,
      { originAccessControlOriginType: 's3', signingBehavior: 'always', signingProtocol: 'sigv4' },
      { parent: this },
    );
    const certificate =
      cdn === undefined
        ? { cloudfrontDefaultCertificate: true }
        : {
            acmCertificateArn: cdn.certificateArn,
            sslSupportMethod: 'sni-only',
            minimumProtocolVersion: 'TLSv1.2_2021',
          };
    return new cloudfront.Distribution(
      `${name}-cdn`,
      {
        enabled: true,
        isIpv6Enabled: true,
        httpVersion: 'http2and3',
        comment: 'Media of the sites',
        aliases: cdn === undefined ? [] : [cdn.domain],
        origins: [{ originId: 'media', domainName: bucket.bucketRegionalDomainName, originAccessControlId: access.id }],
        defaultCacheBehavior: {
          targetOriginId: 'media',
          viewerProtocolPolicy: 'redirect-to-https',
          allowedMethods: ['GET', 'HEAD'],
          cachedMethods: ['GET', 'HEAD'],
          compress: true,
          // AWS' managed policies CachingOptimized and SecurityHeadersPolicy.
          cachePolicyId: '658327ea-f89d-4fab-a63d-7e88639e58f6',
          responseHeadersPolicyId: '67f7725c-6f97-4210-82d7-5512b31e9d03',
        },
        restrictions: { geoRestriction: { restrictionType: 'none' } },
        viewerCertificate: certificate,
      },
      { parent: this },
    );
  }

  /**
   * CloudFront reads what the sites publish below `<slug>/content/`, and not their themes and settings beside it; nobody
   * reads without it, and nobody speaks to the bucket in plain.
   */
  #allowReading(name: string, bucket: s3.Bucket, distribution: cloudfront.Distribution, region: string): void {
    const document = iam.getPolicyDocumentOutput(
      {
        statements: [
          {
            sid: 'ReadThroughCloudFront',
            principals: [{ type: 'Service', identifiers: ['cloudfront.amazonaws.com'] }],
            actions: ['s3:GetObject'],
            resources: [pulumi.interpolate`${bucket.arn}/*/content/*`],
            conditions: [{ test: 'StringEquals', variable: 'AWS:SourceArn', values: [distribution.arn] }],
          },
          {
            sid: 'RefusePlain',
            effect: 'Deny',
            principals: [{ type: '*', identifiers: ['*'] }],
            actions: ['s3:*'],
            resources: [bucket.arn, pulumi.interpolate`${bucket.arn}/*`],
            conditions: [{ test: 'Bool', variable: 'aws:SecureTransport', values: ['false'] }],
          },
        ],
      },
      { parent: this },
    );
    new s3.BucketPolicy(`${name}-policy`, { bucket: bucket.bucket, policy: document.json, region }, { parent: this });
  }
}

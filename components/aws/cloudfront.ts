export { Distribution } from '@pulumi/aws/cloudfront/distribution.js';
export { OriginAccessControl } from '@pulumi/aws/cloudfront/originAccessControl.js';

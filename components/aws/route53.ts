export { Record } from '@pulumi/aws/route53/record.js';

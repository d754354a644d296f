export { getPolicyDocumentOutput } from '@pulumi/aws/iam/getPolicyDocument.js';
export { Role } from '@pulumi/aws/iam/role.js';
export { RolePolicy } from '@pulumi/aws/iam/rolePolicy.js';

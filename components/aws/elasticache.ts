export { ReplicationGroup } from '@pulumi/aws/elasticache/replicationGroup.js';
export { SubnetGroup } from '@pulumi/aws/elasticache/subnetGroup.js';
export { User } from '@pulumi/aws/elasticache/user.js';
export { UserGroup } from '@pulumi/aws/elasticache/userGroup.js';
export { UserGroupAssociation } from '@pulumi/aws/elasticache/userGroupAssociation.js';

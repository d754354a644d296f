export { Instance } from '@pulumi/aws/rds/instance.js';
export { ParameterGroup } from '@pulumi/aws/rds/parameterGroup.js';
export { SubnetGroup } from '@pulumi/aws/rds/subnetGroup.js';

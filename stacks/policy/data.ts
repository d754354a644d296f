import type { Rule } from './subject.ts';

/** Properties that hold credentials, by type, which must be secret as a whole or in these places. */
const credentials: Readonly<Record<string, readonly string[]>> = {
  'kubernetes:core/v1:Secret': ['stringData'],
  'fleet:index:SiteDatabase': ['admin', 'password', 'readerPassword'],
  'fleet:index:Placement': ['servers'],
  'fleet:index:RedisUser': ['admin', 'password'],
  'fleet:index:SearchIndex': ['admin'],
  'fleet:index:Registration': ['admin'],
  'fleet:index:Database': ['admin', 'pooler'],
  'fleet:index:Role': ['admin', 'password'],
  'aws:rds/instance:Instance': ['password'],
};

/** Every credential is secret, so that it is encrypted in the state and masked in previews. */
export const credentialsAreSecret: Rule = ({ type, name, inputs, secretPaths }) =>
  (credentials[type] ?? [])
    .filter((key) => inputs[key] !== undefined && !secretPaths.includes(key))
    .map((key) => `${name}: ${key} is not secret`);

/** What holds data of a site is kept when its YAML goes; what holds data of all is protected besides. */
export const dataIsKept: Rule = ({ type, name, retainOnDelete, protect }) => {
  const retained = [
    'kubernetes:core/v1:PersistentVolumeClaim',
    'fleet:index:SiteDatabase',
    'aws:s3/bucket:Bucket',
    'fleet:index:Database',
    'fleet:index:Role',
    'kubernetes:postgresql.cnpg.io/v1:Cluster',
  ];
  const shared = [
    'aws:s3/bucket:Bucket',
    'aws:rds/instance:Instance',
    'aws:elasticache/replicationGroup:ReplicationGroup',
    'fleet:index:Database',
    'fleet:index:Role',
    'kubernetes:postgresql.cnpg.io/v1:Cluster',
  ];
  return [
    ...(retained.includes(type) && retainOnDelete === false
      ? [`${name}: would be deleted with its configuration`]
      : []),
    ...(shared.includes(type) && !protect ? [`${name}: is shared and not protected`] : []),
    ...(!shared.includes(type) && protect ? [`${name}: is protected, so that no site could be removed`] : []),
  ];
};

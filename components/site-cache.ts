import * as pulumi from '@pulumi/pulumi';
import { namesOf } from '../sites/naming.ts';
import * as elasticache from './aws/elasticache.ts';
import { type Binding, createBindingSecret } from './binding.ts';
import { RedisUserResource } from './fleet-resources.ts';
import { createPassword } from './password.ts';
import type { RedisAccess } from './redis.ts';

export interface SiteCacheArgs {
  readonly slug: string;
  readonly namespace: pulumi.Input<string>;
  readonly redis: RedisAccess;
}

/** A Redis user for one site, which can touch keys and channels of the site's prefix and see no other's names. */
export class SiteCache extends pulumi.ComponentResource {
  readonly binding: Binding;

  constructor(name: string, args: SiteCacheArgs, options?: pulumi.ComponentResourceOptions) {
    super('ghost-fleet:components:SiteCache', name, {}, options);
    const { redisUser, redisKeyPrefix } = namesOf(args.slug);
    const password = createPassword(`${name}-password`, this);
    const { redis } = args;
    const user =
      redis.users.by === 'elasticache'
        ? this.#createElastiCacheUser(name, args.slug, redis.users.groupId, redis.users.awsRegion, password)
        : this.#createUser(name, redisUser, redisKeyPrefix, redis.users.admin, password);

    const scheme = redis.tls ? 'rediss' : 'redis';
    const url = pulumi
      .all([user, password, redis.endpoint.host, redis.endpoint.port])
      .apply(([login, secret, host, port]) => `${scheme}://${encodeURIComponent(login)}:${secret}@${host}:${port}`);
    this.binding = {
      environment: { REDIS_KEY_PREFIX: redisKeyPrefix },
      secret: createBindingSecret('cache', args.slug, args.namespace, { REDIS_URL: url }, { parent: this }),
    };
    this.registerOutputs({});
  }

  #createUser(
    name: string,
    username: string,
    prefix: string,
    admin: pulumi.Input<RedisUserAdmin>,
    password: pulumi.Input<string>,
  ): pulumi.Output<string> {
    const rules = accessRules(prefix);
    const user = new RedisUserResource(
      `${name}-user`,
      { username, rules, password, admin: pulumi.secret(admin) },
      { parent: this },
    );
    return user.id;
  }

  /** ElastiCache knows no ACL commands: its users are resources of AWS, whose ids take no colon. */
  #createElastiCacheUser(
    name: string,
    slug: string,
    groupId: pulumi.Input<string>,
    region: string,
    password: pulumi.Input<string>,
  ): pulumi.Output<string> {
    const user = new elasticache.User(
      `${name}-user`,
      {
        userId: namesOf(slug).namespace,
        userName: namesOf(slug).redisUser,
        engine: 'valkey',
        region,
        accessString: ['on', ...accessRules(namesOf(slug).redisKeyPrefix)].join(' '),
        authenticationMode: { type: 'password', passwords: [password] },
      },
      { parent: this },
    );
    new elasticache.UserGroupAssociation(
      `${name}-membership`,
      { userGroupId: groupId, userId: user.userId, region },
      { parent: this },
    );
    return user.userName;
  }
}

type RedisUserAdmin = ConstructorParameters<typeof RedisUserResource>[1]['admin'];

/**
 * Rules of Redis' ACL. Nothing that lists keys is among them: SCAN, KEYS, RANDOMKEY and DBSIZE know no prefixes and would
 * tell one site what its neighbours keep.
 */
export function accessRules(prefix: string): string[] {
  const keys = [`~${prefix}*`, 'resetchannels', `&${prefix}*`];
  const allowed = ['-@all', '+@read', '+@write', '+@connection', '+@transaction', '+@pubsub'];
  // INFO is what clients ask for when they connect; it names no keys.
  const denied = ['-@dangerous', '-scan', '-randomkey', '-dbsize', '-pubsub', '+info'];
  return [...keys, ...allowed, ...denied];
}

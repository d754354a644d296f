import * as pulumi from '@pulumi/pulumi';
import * as cloudwatch from './aws/cloudwatch.ts';
import * as ec2 from './aws/ec2.ts';
import * as rds from './aws/rds.ts';
import { createPassword } from './password.ts';
import type { PoolerBudget } from './pooler.ts';
import type { Endpoint, Reachable } from './postgres-access.ts';

export interface RdsArgs {
  readonly kind: 'rds';
  readonly awsRegion: string;
  readonly engineVersion: string;
  readonly instanceClass: string;
  readonly storageGiB: number;
  /** Storage grows by itself up to here. */
  readonly maxStorageGiB: number;
  readonly replicas: number;
  /** How far back the server can be restored, to the second. */
  readonly backupRetentionDays: number;
  readonly vpcId: string;
  readonly subnetIds: readonly string[];
  readonly cidrs: readonly string[];
  readonly alarmTopicArns: readonly string[];
  /** Connections past the pooler: administrators, migrations, analytics. */
  readonly directConnections: number;
}

const port = 5432;

/** PostgreSQL on Amazon RDS: in two zones, encrypted, backed up, private, protected against deletion on every level. */
export class RdsServer extends pulumi.ComponentResource {
  readonly endpoint: Endpoint;
  readonly ssl = 'require';
  readonly admin: { readonly user: string; readonly password: pulumi.Output<string> };
  readonly reachable: Reachable;

  constructor(name: string, args: RdsArgs & { budget: PoolerBudget }, options?: pulumi.ComponentResourceOptions) {
    super('ghost-fleet:components:RdsServer', name, {}, options);
    const password = createPassword(`${name}-admin-password`, this);
    this.admin = { user: 'fleet_admin', password };

    const primary = this.#createPrimary(name, args, password);
    const replicas = Array.from({ length: args.replicas }, (_, index) =>
      this.#createReplica(name, args, primary, index),
    );
    this.#createAlarms(name, args, primary, replicas);

    this.endpoint = { host: primary.address, port };
    this.reachable = { cidrs: args.cidrs, ports: [port] };
    this.registerOutputs({ host: primary.address });
  }

  #createPrimary(name: string, args: RdsArgs & { budget: PoolerBudget }, password: pulumi.Output<string>) {
    const { awsRegion: region } = args;
    const subnets = new rds.SubnetGroup(
      `${name}-subnets`,
      { subnetIds: [...args.subnetIds], region },
      { parent: this },
    );
    const firewall = new ec2.SecurityGroup(
      `${name}-firewall`,
      {
        description: 'PostgreSQL of the fleet: from its own networks only',
        vpcId: args.vpcId,
        region,
        ingress: [{ protocol: 'tcp', fromPort: port, toPort: port, cidrBlocks: [...args.cidrs] }],
      },
      { parent: this },
    );
    const parameters = new rds.ParameterGroup(
      `${name}-parameters`,
      {
        family: `postgres${args.engineVersion.split('.')[0]}`,
        region,
        parameters: Object.entries(serverParameters(args)).map(([parameter, value]) => ({
          name: parameter,
          value: String(value),
          applyMethod: parameter === 'max_connections' ? 'pending-reboot' : 'immediate',
        })),
      },
      { parent: this },
    );
    return new rds.Instance(
      `${name}-primary`,
      {
        identifier: `ghost-fleet-${name}`,
        region,
        engine: 'postgres',
        engineVersion: args.engineVersion,
        instanceClass: args.instanceClass,
        allocatedStorage: args.storageGiB,
        maxAllocatedStorage: args.maxStorageGiB,
        storageType: 'gp3',
        storageEncrypted: true,
        multiAz: true,
        publiclyAccessible: false,
        dbSubnetGroupName: subnets.name,
        vpcSecurityGroupIds: [firewall.id],
        parameterGroupName: parameters.name,
        username: this.admin.user,
        password,
        backupRetentionPeriod: args.backupRetentionDays,
        copyTagsToSnapshot: true,
        deletionProtection: true,
        skipFinalSnapshot: false,
        finalSnapshotIdentifier: `ghost-fleet-${name}-final`,
        performanceInsightsEnabled: true,
        enabledCloudwatchLogsExports: ['postgresql'],
        autoMinorVersionUpgrade: true,
        applyImmediately: false,
      },
      { parent: this, protect: true, retainOnDelete: true },
    );
  }

  #createReplica(name: string, args: RdsArgs, primary: rds.Instance, index: number): rds.Instance {
    return new rds.Instance(
      `${name}-replica-${index}`,
      {
        identifier: `ghost-fleet-${name}-replica-${index}`,
        region: args.awsRegion,
        replicateSourceDb: primary.identifier,
        instanceClass: args.instanceClass,
        storageEncrypted: true,
        publiclyAccessible: false,
        deletionProtection: true,
        // What a replica holds is on the primary too.
        skipFinalSnapshot: true,
        performanceInsightsEnabled: true,
      },
      { parent: this, protect: true },
    );
  }

  #createAlarms(
    name: string,
    args: RdsArgs & { budget: PoolerBudget },
    primary: rds.Instance,
    replicas: readonly rds.Instance[],
  ): void {
    const connections = serverParameters(args).max_connections;
    const alarm = (role: string, instance: rds.Instance, settings: AlarmSettings) =>
      new cloudwatch.MetricAlarm(
        `${name}-${role}`,
        {
          name: `ghost-fleet-${name}-${role}`,
          region: args.awsRegion,
          namespace: 'AWS/RDS',
          dimensions: { DBInstanceIdentifier: instance.identifier },
          statistic: 'Average',
          period: 300,
          evaluationPeriods: 3,
          alarmActions: [...args.alarmTopicArns],
          okActions: [...args.alarmTopicArns],
          ...settings,
        },
        { parent: this },
      );
    const above = 'GreaterThanThreshold';
    alarm('storage', primary, {
      metricName: 'FreeStorageSpace',
      comparisonOperator: 'LessThanThreshold',
      threshold: args.storageGiB * 2 ** 30 * 0.15,
      alarmDescription: 'Less than 15 % of the first storage size is free',
    });
    alarm('cpu', primary, {
      metricName: 'CPUUtilization',
      comparisonOperator: above,
      threshold: 80,
      alarmDescription: 'More than 80 % of the CPU for a quarter of an hour',
    });
    alarm('connections', primary, {
      metricName: 'DatabaseConnections',
      comparisonOperator: above,
      threshold: Math.floor(connections * 0.8),
      alarmDescription: `More than 80 % of ${connections} connections: the pooler's budget is too small or something goes past it`,
    });
    for (const [index, replica] of replicas.entries()) {
      alarm(`lag-${index}`, replica, {
        metricName: 'ReplicaLag',
        comparisonOperator: above,
        threshold: 60,
        alarmDescription: 'The replica is more than a minute behind',
      });
    }
  }
}

type AlarmSettings = Pick<
  cloudwatch.MetricAlarmArgs,
  'metricName' | 'comparisonOperator' | 'threshold' | 'alarmDescription'
>;

function serverParameters({ budget, directConnections }: RdsArgs & { budget: PoolerBudget }) {
  return {
    max_connections: budget.serverConnections + directConnections,
    'rds.force_ssl': 1,
    log_min_duration_statement: 1_000,
    log_lock_waits: 1,
    idle_in_transaction_session_timeout: 60_000,
  };
}

/** Type tokens of the AWS provider that rules look at. */
export const INSTANCE = 'aws:rds/instance:Instance';
export const PARAMETER_GROUP = 'aws:rds/parameterGroup:ParameterGroup';
export const SUBNET_GROUP = 'aws:rds/subnetGroup:SubnetGroup';
export const PROXY = 'aws:rds/proxy:Proxy';
export const PROXY_TARGET = 'aws:rds/proxyTarget:ProxyTarget';
export const PROXY_TARGET_GROUP = 'aws:rds/proxyDefaultTargetGroup:ProxyDefaultTargetGroup';
export const EVENT_SUBSCRIPTION = 'aws:rds/eventSubscription:EventSubscription';

export const VPC = 'aws:ec2/vpc:Vpc';
export const SUBNET = 'aws:ec2/subnet:Subnet';
export const SECURITY_GROUP = 'aws:ec2/securityGroup:SecurityGroup';
export const DEFAULT_SECURITY_GROUP = 'aws:ec2/defaultSecurityGroup:DefaultSecurityGroup';
export const INGRESS_RULE = 'aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule';
export const EGRESS_RULE = 'aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule';
export const FLOW_LOG = 'aws:ec2/flowLog:FlowLog';
export const ENDPOINT = 'aws:ec2/vpcEndpoint:VpcEndpoint';
export const ROUTE = 'aws:ec2/route:Route';
export const ROUTE_TABLE = 'aws:ec2/routeTable:RouteTable';
export const INTERNET_GATEWAY = 'aws:ec2/internetGateway:InternetGateway';
export const NETWORK_ACL = 'aws:ec2/networkAcl:NetworkAcl';

export const FUNCTION = 'aws:lambda/function:Function';
export const PERMISSION = 'aws:lambda/permission:Permission';
export const FUNCTION_URL = 'aws:lambda/functionUrl:FunctionUrl';
export const INVOCATION = 'aws:lambda/invocation:Invocation';

export const CLUSTER = 'aws:ecs/cluster:Cluster';
export const TASK_DEFINITION = 'aws:ecs/taskDefinition:TaskDefinition';
export const REPOSITORY = 'aws:ecr/repository:Repository';
export const REPOSITORY_LIFECYCLE = 'aws:ecr/lifecyclePolicy:LifecyclePolicy';
export const SCHEDULE = 'aws:scheduler/schedule:Schedule';

export const SCHEDULE_GROUP = 'aws:scheduler/scheduleGroup:ScheduleGroup';

export const TOPIC = 'aws:sns/topic:Topic';
export const TOPIC_POLICY = 'aws:sns/topicPolicy:TopicPolicy';
export const LOG_GROUP = 'aws:cloudwatch/logGroup:LogGroup';
export const METRIC_FILTER = 'aws:cloudwatch/logMetricFilter:LogMetricFilter';
export const ALARM = 'aws:cloudwatch/metricAlarm:MetricAlarm';

export const ROLE = 'aws:iam/role:Role';
export const ROLE_POLICY = 'aws:iam/rolePolicy:RolePolicy';
export const POLICY = 'aws:iam/policy:Policy';
export const KEY = 'aws:kms/key:Key';
export const SECRET_TYPE = 'aws:secretsmanager/secret:Secret';
export const SECRET_ROTATION = 'aws:secretsmanager/secretRotation:SecretRotation';
export const SECRET_VERSION = 'aws:secretsmanager/secretVersion:SecretVersion';

export const BUCKET = 'aws:s3/bucket:Bucket';
export const BUCKET_ACL = 'aws:s3/bucketAcl:BucketAcl';
export const BUCKET_ENCRYPTION =
  'aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration';
export const BUCKET_LIFECYCLE = 'aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration';
export const BUCKET_LOCK = 'aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration';
export const BUCKET_LOGGING = 'aws:s3/bucketLogging:BucketLogging';
export const BUCKET_OWNERSHIP = 'aws:s3/bucketOwnershipControls:BucketOwnershipControls';
export const BUCKET_POLICY = 'aws:s3/bucketPolicy:BucketPolicy';
export const BUCKET_PUBLIC_ACCESS = 'aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock';
export const BUCKET_OBJECT = 'aws:s3/bucketObjectv2:BucketObjectv2';
export const BUCKET_VERSIONING = 'aws:s3/bucketVersioning:BucketVersioning';

export const SNAPSHOT = 'aws:rds/snapshot:Snapshot';
export const CLUSTER_DB = 'aws:rds/cluster:Cluster';
export const AWS_PROVIDER = 'pulumi:providers:aws';

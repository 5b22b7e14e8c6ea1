/**
 * What the emulators take and do not answer as AWS does: believed as declared, since it would differ for ever. By type and path of
 * the input; a test holds that each is still needed.
 */
export const EMULATOR_FAULTS: Readonly<Record<string, readonly string[]>> = {
  // Not kept at all; of the alarms that calculate.
  'aws:cloudwatch/metricAlarm:MetricAlarm': ['metricQueries'],
  'aws:ec2/flowLog:FlowLog': ['iamRoleArn', 'maxAggregationInterval'],
  'aws:ec2/vpcEndpoint:VpcEndpoint': ['policy', 'privateDnsEnabled', 'securityGroupIds'],
  // Rules to a prefix list alone.
  'aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule': ['description', 'prefixListId'],
  'aws:rds/instance:Instance': [
    'databaseInsightsMode',
    'enabledCloudwatchLogsExports',
    'engineLifecycleSupport',
    'performanceInsightsKmsKeyId',
  ],
  'aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration': [
    'rules.blockedEncryptionTypes',
  ],
};

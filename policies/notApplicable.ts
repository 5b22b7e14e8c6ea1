import { CLUSTER_DB, INTERNET_GATEWAY, NETWORK_ACL, POLICY, SECRET_TYPE, SNAPSHOT } from './types';

/** A control that has no rule, and why. */
export interface NotApplicable {
  control: string;
  title: string;
  reason: string;
  /** Types without which it stays so: a test looks whether one of them is declared. */
  without?: readonly string[];
}

export const notApplicable: readonly NotApplicable[] = [
  {
    control: 'RDS.1',
    title: 'Snapshots are private',
    reason: 'No snapshot is declared. Those that RDS makes are private unless somebody shares them by hand.',
    without: [SNAPSHOT],
  },
  {
    control: 'RDS.4',
    title: 'Snapshots are encrypted',
    reason: 'No snapshot is declared. Those that RDS makes are encrypted as their instance is (RDS.3).',
    without: [SNAPSHOT],
  },
  {
    control: 'RDS.19',
    title: 'Somebody is told of a cluster’s events',
    reason: 'The database is an instance; no cluster is declared.',
    without: [CLUSTER_DB],
  },
  {
    control: 'S3.1',
    title: 'The account blocks public access',
    reason:
      'A setting of the whole account, which belongs to whoever runs it. Each bucket blocks public access itself (S3.8).',
    without: ['aws:s3/accountPublicAccessBlock:AccountPublicAccessBlock'],
  },
  {
    control: 'KMS.1',
    title: 'No customer managed policy decrypts with every key',
    reason: 'No customer managed policy is declared: every right stands in a role’s own policy (KMS.2).',
    without: [POLICY],
  },
  {
    control: 'SecretsManager.2',
    title: 'Rotation succeeds',
    reason:
      'Whether a rotation succeeded is seen in the account alone. The only secret is the one RDS keeps; no other is declared.',
    without: [SECRET_TYPE],
  },
  {
    control: 'SecretsManager.3',
    title: 'Unused secrets are removed',
    reason: 'The only secret is the master’s, which the migration function reads with each `up`; no other is declared.',
    without: [SECRET_TYPE],
  },
  {
    control: 'SecretsManager.4',
    title: 'Secrets are rotated within 90 days',
    reason: 'RDS rotates the master’s secret every seven days by itself; no other is declared.',
    without: [SECRET_TYPE],
  },
  {
    control: 'EC2.10',
    title: 'EC2’s API is reached from inside the network',
    reason: 'Nothing in the network calls that API; an endpoint for it would cost and open a way that nobody needs.',
  },
  {
    control: 'EC2.16',
    title: 'Unused network ACLs are removed',
    reason: 'No network ACL is declared; the default one is in use.',
    without: [NETWORK_ACL],
  },
  {
    control: 'EC2.21',
    title: 'No network ACL opens SSH or RDP to the world',
    reason: 'No network ACL is declared, and the network has no way to or from the internet.',
    without: [NETWORK_ACL, INTERNET_GATEWAY],
  },
  {
    control: 'EC2.57',
    title: 'Systems Manager is reached from inside the network',
    reason: 'No machine of ours is managed by Systems Manager, and nothing in the network calls it.',
    without: ['aws:ec2/instance:Instance'],
  },
  {
    control: 'EC2.58',
    title: 'Systems Manager’s contacts are reached from inside the network',
    reason: 'Nothing in the network calls Incident Manager; alarms leave by SNS.',
    without: ['aws:ssmcontacts/contact:Contact'],
  },
  {
    control: 'EC2.60',
    title: 'Incident Manager is reached from inside the network',
    reason: 'Nothing in the network calls Incident Manager; alarms leave by SNS.',
    without: ['aws:ssmincidents/responsePlan:ResponsePlan'],
  },
  {
    control: 'EC2.172',
    title: 'VPC Block Public Access blocks internet gateways',
    reason:
      'A setting of the whole account and region, which belongs to whoever runs it. The network has no internet gateway.',
    without: [INTERNET_GATEWAY],
  },
];

/** What a region decides before anything can be asked. Source: AWS General Reference, regions and partitions. */
export interface Region {
  partition: 'aws' | 'aws-cn' | 'aws-us-gov';
  /** The letters of three zones that new accounts have there. */
  zones: readonly [string, string, string];
}

const inPartition = (
  partition: Region['partition'],
  names: string,
  zones: Region['zones'] = ['a', 'b', 'c'],
): [string, Region][] => names.split(' ').map((name) => [name, { partition, zones }]);

/** Regions with three zones in which RDS for PostgreSQL, RDS Proxy, Lambda on arm64 and Fargate are to be had. */
export const REGIONS: ReadonlyMap<string, Region> = new Map([
  ...inPartition(
    'aws',
    'af-south-1 ap-east-1 ap-northeast-2 ap-northeast-3 ap-south-1 ap-southeast-1 ap-southeast-2 ap-southeast-3',
  ),
  ...inPartition('aws', 'eu-central-1 eu-central-2 eu-north-1 eu-south-1 eu-south-2 eu-west-1 eu-west-2 eu-west-3'),
  ...inPartition('aws', 'il-central-1 me-central-1 me-south-1 sa-east-1 us-east-1 us-east-2 us-west-2'),
  ...inPartition('aws', 'ap-northeast-1', ['a', 'c', 'd']),
  ...inPartition('aws', 'ca-central-1', ['a', 'b', 'd']),
  ...inPartition('aws-cn', 'cn-northwest-1'),
  ...inPartition('aws-us-gov', 'us-gov-east-1 us-gov-west-1'),
]);

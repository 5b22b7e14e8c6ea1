import { REGIONS } from './awsRegions';
import { cidrText, parseCidr, quarters } from './cidr';
import type { ProdSettings } from './settings';

/** The zones' full names: those of the settings, else those of the region. */
export function zonesOf({ region, network: { zones } }: ProdSettings['aws']): string[] {
  const letters = zones.length > 0 ? zones : (REGIONS.get(region)?.zones ?? []);
  return letters.map((letter) => `${region}${letter}`);
}

/** A private subnet in each zone of a new VPC: the first quarters of its network. The last one stays free for what joins it later. */
export function subnetPlan(aws: ProdSettings['aws']): { zone: string; cidr: string }[] {
  const network = parseCidr(aws.network.cidr);
  if (network === undefined) return [];
  const cidrs = quarters(network).map(cidrText);
  return zonesOf(aws).map((zone, index) => ({ zone, cidr: cidrs[index] ?? '' }));
}

/** Whether AWS's services are reached by endpoints that this stack declares: in an existing VPC only where the settings say so. */
export const usesEndpoints = ({ network: { vpcId, endpoints } }: ProdSettings['aws']): boolean =>
  endpoints ?? vpcId === undefined;

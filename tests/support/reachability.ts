import type { GraphResource } from '../../engine/graph/graph';

const nameOf = (value: unknown): string => String(value).replace(/^‹network-([\w-]+)\.(id|prefixListId)›$/, '$1');

function peerOf({ inputs }: GraphResource): string {
  return nameOf(inputs['referencedSecurityGroupId'] ?? inputs['prefixListId'] ?? inputs['cidrIpv4']);
}

/** A rule says two things: who, and on which ports. */
interface Rule {
  group: string;
  peer: string;
  ports: string;
}

function rulesOf(resources: readonly GraphResource[], direction: 'Ingress' | 'Egress'): Rule[] {
  return resources
    .filter(({ type }) => type.endsWith(`:SecurityGroup${direction}Rule`))
    .map((rule) => ({
      group: nameOf(rule.inputs['securityGroupId']),
      peer: peerOf(rule),
      ports: [rule.inputs['ipProtocol'], rule.inputs['fromPort'], rule.inputs['toPort']].join(' '),
    }));
}

/**
 * Every connection that the security groups of a graph permit, `from -> to protocol port`: between two of its groups only what leaves the one and
 * enters the other. `half` are rules without the other side, which permit nothing.
 */
export function reachability(resources: readonly GraphResource[]): { permitted: string[]; half: string[] } {
  const groups = new Set(
    resources
      .filter(({ type }) => type === 'aws:ec2/securityGroup:SecurityGroup')
      .map(({ name }) => name.replace('network-', '')),
  );
  const leaving = rulesOf(resources, 'Egress').map(({ group, peer, ports }) => ({ from: group, to: peer, ports }));
  const entering = rulesOf(resources, 'Ingress').map(({ group, peer, ports }) => ({ from: peer, to: group, ports }));
  const text = ({ from, to, ports }: { from: string; to: string; ports: string }): string => {
    const [protocol, first, last] = ports.split(' ');
    return `${from} -> ${to} ${protocol ?? ''} ${first === last ? (first ?? '') : `${first ?? ''}-${last ?? ''}`}`;
  };
  const [out, into] = [new Set(leaving.map(text)), new Set(entering.map(text))];
  const inside = (one: { from: string; to: string }): boolean => groups.has(one.from) && groups.has(one.to);
  const all = [...leaving, ...entering];
  const permitted = all.filter((one) => !inside(one) || (out.has(text(one)) && into.has(text(one)))).map(text);
  const half = all.filter((one) => inside(one) && !(out.has(text(one)) && into.has(text(one)))).map(text);
  return { permitted: [...new Set(permitted)].sort(), half: [...new Set(half)].sort() };
}

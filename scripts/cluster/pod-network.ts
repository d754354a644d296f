/**
 * Settings of the pods' network for the CNI plugins: a bridge, and so a network of one node.
 *
 * @param subnet CIDR of the pods
 * @param dataDir where the addresses that are in use are noted @default the plugin's own place
 */
export function podNetwork(subnet: string, dataDir?: string): string {
  const bridge = {
    type: 'bridge',
    bridge: 'pods',
    isGateway: true,
    ipMasq: true,
    hairpinMode: true,
    ipam: {
      type: 'host-local',
      ...(dataDir === undefined ? {} : { dataDir }),
      ranges: [[{ subnet }]],
      routes: [{ dst: '0.0.0.0/0' }],
    },
  };
  const plugins = [bridge, { type: 'portmap', capabilities: { portMappings: true } }];
  return `${JSON.stringify({ cniVersion: '0.4.0', name: 'pods', plugins }, undefined, 2)}\n`;
}

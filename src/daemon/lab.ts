/** The default lab: two vimages on a bridge, and a TAP by which the kernel is the third host. */

import { addrFromIp4, ip4Parse } from '../lib/addr.ts'
import type { Ip4 } from '../lib/addr.ts'
import type { DaemonConfig, LogConfig, TapConfig, VimageConfig } from './config-types.ts'

export const LAB_TAP = 'vimage0'
const LAB_BRIDGE = 'br0'
const PREFIX_LEN = 24
const LAB_SERVICES = Object.freeze(['echo', 'discard', 'chargen', 'http'] as const)

/** As `examples/lab.yaml` describes it. */
export function labConfig(log: LogConfig): DaemonConfig {
  const tap: TapConfig = {
    name: LAB_TAP, attach: false, offload: true, threaded: false, merge: true, mtu: 0, mac: 0, up: true,
    address: { ip: address('10.66.0.1'), prefixLen: PREFIX_LEN },
  }
  return {
    file: '', log, control: '',
    bridges: [{ name: LAB_BRIDGE, taps: [tap], ageingS: 300 }],
    vimages: [labVimage('a', '10.66.0.2'), labVimage('b', '10.66.0.3')],
  }
}

function labVimage(name: string, ip: string): VimageConfig {
  return {
    name, seed: [], sysctls: [],
    interfaces: [{
      name: 'eth0', link: { kind: 'bridge', bridge: LAB_BRIDGE }, mac: 0, mtu: 0, probe: false, capture: '',
      impair: null, dhcp: false, dhcp6: false, auto: false, advertise: null,
      addresses: [{ addr: addrFromIp4(address(ip)), prefixLen: PREFIX_LEN }],
    }],
    routes: [{ to: { addr: addrFromIp4(0), prefixLen: 0 }, via: addrFromIp4(address('10.66.0.1')), interface: '' }],
    services: LAB_SERVICES.map((service) => ({ name: service, port: 0, root: '', zones: {} })),
    record: '',
  }
}

function address(text: string): Ip4 {
  return ip4Parse(text) as Ip4
}

/** `--name=value` lines of a script (and options of a run) as a record. */

import { ip4Parse, ip4PrefixLen } from '../lib/addr.ts'
import type { Ip4 } from '../lib/addr.ts'
import type { ScriptOption } from './ast.ts'
import { ScriptError, unsupported } from './error.ts'
import { PERSONALITIES } from './personality.ts'
import type { Personality } from './personality.ts'

export interface Config {
  personality: Personality
  /** How far an event may be from its time. */
  toleranceUs: number
  localIp: Ip4
  remoteIp: Ip4
  gatewayIp: Ip4
  prefixLen: number
  mtu: number
  /** Port of `bind(…, ..., ...)`, and that of the peer in `connect(…, ..., ...)`. */
  bindPort: number
  connectPort: number
  /** Sockets are of AF_INET6, packets are IPv4: addresses are ::ffff:a.b.c.d. */
  mapped: boolean
  /** Tick of the stack's timestamp clock; 0: timestamps of the stack are not compared. */
  tsTickUs: number
}

export function createConfig(personality: Personality, toleranceUs: number): Config {
  return {
    personality, toleranceUs, localIp: LOCAL_IP, remoteIp: REMOTE_IP, gatewayIp: GATEWAY_IP, prefixLen: 16, mtu: 1500,
    bindPort: 8080, connectPort: 8080, mapped: false, tsTickUs: 0,
  }
}

/** Applies the options of a script; unknown ones are unsupported. */
export function configApply(config: Config, options: readonly ScriptOption[]): void {
  for (const option of options) applyOne(config, option)
}

const LOCAL_IP = ip4Parse('192.168.0.1') as Ip4
const GATEWAY_IP = ip4Parse('192.168.0.2') as Ip4
const REMOTE_IP = ip4Parse('192.0.2.1') as Ip4

function applyOne(config: Config, o: ScriptOption): void {
  switch (o.name) {
    case 'tolerance_usecs': config.toleranceUs = integer(o, 0, 1e9); break
    case 'ip_version':
      config.mapped = /^ipv4[-_]mapped[-_]ipv6$/.test(o.value)
      if (o.value !== 'ipv4' && !config.mapped) throw unsupported(`--ip_version=${o.value}`, o.line)
      break
    case 'local_ip': case 'local_ipv4': config.localIp = address(o); break
    case 'remote_ip': case 'remote_ipv4': config.remoteIp = address(o); break
    case 'gateway_ip': config.gatewayIp = address(o); break
    case 'netmask_ip': config.prefixLen = prefixLen(o); break
    case 'mtu': config.mtu = integer(o, 68, 65_535); break
    case 'bind_port': config.bindPort = integer(o, 1, 65_535); break
    case 'connect_port': config.connectPort = integer(o, 1, 65_535); break
    case 'tcp_ts_tick_usecs': config.tsTickUs = integer(o, 0, 1e6); break
    case 'personality': {
      const known = PERSONALITIES.find((p) => p === o.value)
      if (known === undefined) throw unsupported(`--personality=${o.value}`, o.line)
      config.personality = known
      break
    }
    // they say how a run is to be shown, timed or cleaned up, which changes nothing here; --define: preprocess.ts
    case 'verbose': case 'v': case 'dry_run': case 'no_cleanup': case 'define': case 'speed': case 'non_fatal':
    case 'init_scripts': case 'code_command': case 'code_format': case 'code_sockopt': case 'send_omit_free':
    case 'strict_segments': case 'udp_offload': case 'is_anyip': case 'debug': case 'persistent_tun_dev':
    case 'tun_device': case 'snaplen': break
    default: throw unsupported(`option --${o.name}`, o.line)
  }
}

function integer(o: ScriptOption, min: number, max: number): number {
  const n = Number(o.value)
  if (/^\d+$/.test(o.value) && n >= min && n <= max) return n
  throw new ScriptError('syntax', `syntax: --${o.name} takes a whole number from ${min} to ${max}`, o.line)
}

function prefixLen(o: ScriptOption): number {
  const len = ip4PrefixLen(address(o))
  if (len < 0) throw new ScriptError('syntax', `syntax: --${o.name} takes a netmask`, o.line)
  return len
}

function address(o: ScriptOption): Ip4 {
  const ip = ip4Parse(o.value.replace(/^::ffff:/i, ''))
  if (ip === null) {
    throw o.value.includes(':') ? unsupported(`IPv6 address ${o.value}`, o.line)
      : new ScriptError('syntax', `syntax: --${o.name} takes an IPv4 address`, o.line)
  }
  return ip
}

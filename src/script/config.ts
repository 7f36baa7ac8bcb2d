/** `--name=value` lines of a script (and options of a run) as a record. */

import { addrFromIp4, addrIsV4, addrParse, ip4Parse, ip4PrefixLen } from '../lib/addr.ts'
import type { Addr, Ip4 } from '../lib/addr.ts'
import type { ScriptOption } from './ast.ts'
import { ScriptError, unsupported } from './error.ts'
import { PERSONALITIES } from './personality.ts'
import type { Personality } from './personality.ts'

export interface Config {
  personality: Personality
  /** How far an event may be from its time. */
  toleranceUs: number
  local: Addr
  remote: Addr
  gateway: Addr
  prefixLen: number
  mtu: number
  /** Port of `bind(…, ..., ...)`, and that of the peer in `connect(…, ..., ...)`. */
  bindPort: number
  connectPort: number
  /** Sockets are of AF_INET6, packets are IPv4: addresses are ::ffff:a.b.c.d. */
  mapped: boolean
  /** Sockets are of AF_INET6, and so are packets. */
  v6: boolean
  /** The interface is an Ethernet: neighbours have to be found. */
  ethernet: boolean
  /** What an Ethernet host says by itself and scripts look at all the same: router discovery, MLD. */
  lookRd: boolean
  lookMld: boolean
  /** Tick of the stack's timestamp clock; 0: timestamps of the stack are not compared. */
  tsTickUs: number
}

export function createConfig(personality: Personality, toleranceUs: number): Config {
  return {
    personality, toleranceUs, ...addresses4(), mtu: 1500, bindPort: 8080, connectPort: 8080, mapped: false, v6: false,
    ethernet: false, lookRd: false, lookMld: false, tsTickUs: 0,
  }
}

/** Applies the options of a script; unknown ones are unsupported. */
export function configApply(config: Config, options: readonly ScriptOption[]): void {
  for (const option of options) applyOne(config, option)
}

type Addresses = Pick<Config, 'local' | 'remote' | 'gateway' | 'prefixLen'>

function addresses4(): Addresses {
  const ip = (text: string): Addr => addrFromIp4(ip4Parse(text) as Ip4)
  return { local: ip('192.168.0.1'), gateway: ip('192.168.0.2'), remote: ip('192.0.2.1'), prefixLen: 16 }
}

function addresses6(): Addresses {
  const ip = (text: string): Addr => addrParse(text) as Addr
  return { local: ip('fd3d:0:0:1::1'), gateway: ip('fd3d:0:0:1::2'), remote: ip('2001:db8::1'), prefixLen: 64 }
}

function applyOne(config: Config, o: ScriptOption): void {
  switch (o.name) {
    case 'tolerance_usecs': config.toleranceUs = integer(o, 0, 1e9); break
    case 'ip_version':
      config.mapped = /^ipv4[-_]mapped[-_]ipv6$/.test(o.value)
      config.v6 = o.value === 'ipv6'
      if (o.value !== 'ipv4' && !config.mapped && !config.v6) throw unsupported(`--ip_version=${o.value}`, o.line)
      Object.assign(config, config.v6 ? addresses6() : addresses4())
      break
    case 'local_ip': config.local = address(o, config.v6); break
    case 'remote_ip': config.remote = address(o, config.v6); break
    case 'gateway_ip': config.gateway = address(o, config.v6); break
    // for the one family or the other: they say nothing where that is not spoken
    case 'local_ipv4': if (!config.v6) config.local = address(o, false); break
    case 'remote_ipv4': if (!config.v6) config.remote = address(o, false); break
    case 'local_ipv6': if (config.v6) config.local = address(o, true); break
    case 'remote_ipv6': if (config.v6) config.remote = address(o, true); break
    case 'netmask_ip': config.prefixLen = prefixLen(o, config.v6); break
    case 'link':
      if (o.value !== 'ethernet' && o.value !== 'ip') throw unsupported(`--link=${o.value}`, o.line)
      config.ethernet = o.value === 'ethernet'
      break
    case 'look': {
      const words = o.value.split(',')
      if (words.some((w) => w !== 'rd' && w !== 'mld')) throw unsupported(`--look=${o.value}`, o.line)
      config.lookRd = words.includes('rd')
      config.lookMld = words.includes('mld')
      break
    }
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

/** A netmask; for IPv6 also `/64`. */
function prefixLen(o: ScriptOption, v6: boolean): number {
  const slash = /^\/(\d{1,3})$/.exec(o.value)
  const len = slash !== null ? Number(slash[1]) : v6 ? -1 : ip4PrefixLen(address(o, false).w3)
  if (len >= 0 && len <= (v6 ? 128 : 32)) return len
  throw new ScriptError('syntax', `syntax: --${o.name} takes a netmask`, o.line)
}

function address(o: ScriptOption, v6: boolean): Addr {
  const addr = addrParse(o.value.replace(/^::ffff:/i, ''))
  if (addr !== null && addrIsV4(addr) !== v6) return addr
  if (addr !== null) throw unsupported(`address ${o.value} of the other family`, o.line)
  throw new ScriptError('syntax', `syntax: --${o.name} takes an ${v6 ? 'IPv6' : 'IPv4'} address`, o.line)
}

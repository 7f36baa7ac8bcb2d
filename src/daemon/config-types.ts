/** The daemon's configuration as the rest of the daemon sees it: every value parsed, every default filled in. */

import type { ImpairConfig } from '../device/impair-plan.ts'
import type { Addr, Ip4, Mac } from '../lib/addr.ts'
import type { ServiceName } from '../service/service.ts'

export interface DaemonConfig {
  /** Path of the file it was read from; '' for the built-in lab. */
  file: string
  bridges: BridgeConfig[]
  vimages: VimageConfig[]
  log: LogConfig
  /** Path of the control socket; '' for the default. */
  control: string
}

export interface LogConfig {
  level: LogLevel
  /** '' for standard error. */
  file: string
}

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent'

export const LOG_LEVELS: readonly LogLevel[] =
  Object.freeze(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const)

export interface BridgeConfig {
  name: string
  taps: TapConfig[]
  ageingS: number
}

export interface TapConfig {
  name: string
  /** Take an interface that is there already, and leave it there; otherwise make one, and remove it at the end. */
  attach: boolean
  /** Exchange super-segments and unfinished checksums with the kernel. */
  offload: boolean
  /** The kernel receives what is written in a thread of its own (host/tap-handle.ts). */
  threaded: boolean
  /** Without `offload`: received TCP segments that follow each other come as one (host/tap.ts). */
  merge: boolean
  /** Kernel side: 0 and null leave what is there. */
  mtu: number
  mac: Mac
  address: Prefix | null
  /** Null: up when it was made here, as it is when attached. */
  up: boolean | null
}

/** Of the kernel's end of a TAP: IPv4. */
export interface Prefix { ip: Ip4; prefixLen: number }

/** Of either family. */
export interface AddrPrefix { addr: Addr; prefixLen: number }

export interface VimageConfig {
  name: string
  /** Words of entropy; empty for the system's random numbers. */
  seed: number[]
  interfaces: InterfaceConfig[]
  routes: RouteConfig[]
  sysctls: { name: string; value: string }[]
  services: ServiceConfig[]
  /** The file in which its run is recorded; '' for none. */
  record: string
}

export interface ServiceConfig {
  name: ServiceName
  /** 0 for the well-known one. */
  port: number
  /** The folder that `files` serves; '' for the others. */
  root: string
  /** The records that `dns` has, by zone; none for the others. */
  zones: Record<string, string[]>
}

export interface InterfaceConfig {
  name: string
  link: { kind: 'bridge'; bridge: string } | { kind: 'tap'; tap: TapConfig } | { kind: 'raw'; protocol: number }
  /** 0 leaves it to the device. */
  mac: Mac
  mtu: number
  addresses: AddrPrefix[]
  /** Its address comes by DHCP. */
  dhcp: boolean
  /** IPv6 addresses come by DHCPv6 (RFC 8415), whatever routers say. */
  dhcp6: boolean
  /** It configures itself by the advertisements of IPv6's routers (RFC 4862). */
  auto: boolean
  /** It tells hosts what to configure (RFC 4861 §6.2); null: it does not. */
  advertise: AdvertiseConfig | null
  probe: boolean
  /** '' for none. */
  capture: string
  impair: { in: Partial<ImpairConfig>; out: Partial<ImpairConfig> } | null
}

export interface AdvertiseConfig {
  prefixes: AddrPrefix[]
  /** Name servers and search list (RFC 8106). */
  dns: Addr[]
  search: string[]
  /** Of the default route; 0: this is no default router. */
  lifetimeS: number
  preference: 'low' | 'medium' | 'high'
  /** 0: not said. */
  mtu: number
  intervalS: number
}

export interface RouteConfig {
  to: AddrPrefix
  /** Null for none; a link-local one is on `interface`. */
  via: Addr | null
  /** '' to leave it to the gateway. */
  interface: string
}

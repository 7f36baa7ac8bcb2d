/**
 * The shape of the configuration file, checked with zod. Every `error` says what was expected; config.ts adds the place
 * and what was found. What one value must have to do with another is in config-check.ts.
 */

import { resolve } from 'node:path'
import { z } from 'zod'
import { checkImpairConfig, createImpairConfig } from '../device/impair-plan.ts'
import {
  addrFromIp4, addrIsLoopback, addrIsMulticast, addrIsUnspecified, addrIsV4, addrParse, addrPrint, ip4IsMulticast, ip4Mask,
  ip4ParsePrefix, macIsMulticast, macParse,
} from '../lib/addr.ts'
import type { Addr } from '../lib/addr.ts'
import { addr6, addr6IsLinkLocal, addr6IsMulticast, addrParsePrefix } from '../lib/addr6.ts'
import { IF_MIN_MTU } from '../link/ifnet.ts'
import { parseZones } from '../service/dns-zone.ts'
import type { ServiceName } from '../service/service.ts'
import { destinationParse } from '../vimage/address.ts'
import { IPPROTO_ICMP } from '../wire/ipv4.ts'
import { LOG_LEVELS } from './config-types.ts'
import type {
  AddrPrefix, AdvertiseConfig, DaemonConfig, InterfaceConfig, Prefix, RouteConfig, ServiceConfig, TapConfig,
} from './config-types.ts'
import { SERVICES } from './service-ports.ts'

/** Linux's IFNAMSIZ, without the terminating zero. */
const MAX_IF_NAME = 15
const MAX_MTU = 65_535
const MAX_TAP_MTU = 65_520


/** Relative paths in the file are relative to `directory`. */
export function configSchema(directory: string): z.ZodType<Omit<DaemonConfig, 'file'>> {
  const path = parsed('the path of a file', (text) => (text === '' ? null : resolve(directory, text)))
  const log = record('a map with level and file', {
    level: oneOf(LOG_LEVELS).default('info'),
    file: path.default(''),
  })
  return record('a map with bridges, vimages, log and control', {
    bridges: list('bridges', bridgeSchema()).default([]),
    vimages: list('vimages', vimageSchema(path)).default([]),
    log: log.default({ level: 'info', file: '' }),
    control: path.default(''),
  })
}

function bridgeSchema(): z.ZodType<DaemonConfig['bridges'][number]> {
  return record('a map with name, taps and ageingSeconds', {
    name: name(),
    taps: list('TAPs', tapSchema()).default([]),
    ageingSeconds: integer(1, 1_000_000).default(300),
  }).transform(({ ageingSeconds, ...rest }) => ({ ...rest, ageingS: ageingSeconds }))
}

function tapSchema(): z.ZodType<TapConfig> {
  return record('a map with name, attach, offload, threaded, merge, mtu, mac, address and up', {
    name: parsed(`an interface name of at most ${MAX_IF_NAME} characters without "/", ":", "%" and spaces`, (text) =>
      (/^[^\s/:%]{1,15}$/.test(text) && text !== '.' && text !== '..' ? text : null)),
    attach: boolean().default(false),
    offload: boolean().default(false),
    threaded: boolean().default(false),
    merge: boolean().default(true),
    mtu: integer(IF_MIN_MTU, MAX_TAP_MTU).default(0),
    mac: mac().default(0),
    address: hostPrefix().nullable().default(null),
    up: boolean().nullable().default(null),
  })
}

function vimageSchema(path: z.ZodType<string>): z.ZodType<DaemonConfig['vimages'][number]> {
  return record('a map with name, seed, interfaces, routes, sysctl, services and record', {
    name: name(),
    seed: integer(0, Number.MAX_SAFE_INTEGER).transform((n) => [n | 0, Math.floor(n / 0x100000000)]).default([]),
    interfaces: list('interfaces', interfaceSchema(path)).default([]),
    routes: list('routes', routeSchema()).default([]),
    sysctl: sysctlSchema().default([]),
    services: list('services', serviceSchema(path)).default([]),
    record: z.union([z.boolean(), path], { error: 'true, or the name of a file' }).default(false),
  }).transform(({ sysctl, record: log, ...rest }) => ({
    ...rest, sysctls: sysctl, record: log === true ? path.parse(`${rest.name}.vimlog`) : log === false ? '' : log,
  }))
}

function interfaceSchema(path: z.ZodType<string>): z.ZodType<InterfaceConfig> {
  const shape = {
    name: parsed('an interface name such as eth0', (text) => (/^[A-Za-z][\w.-]{0,14}$/.test(text) ? text : null)),
    bridge: name().optional(),
    tap: tapSchema().optional(),
    raw: z.tuple([oneOf(['icmp'] as const)], { error: '[icmp]' }).optional(),
    mac: mac().default(0),
    mtu: integer(IF_MIN_MTU, MAX_MTU).default(0),
    // `dhcp`, `dhcp6` or `auto` alone, or in the list beside addresses of its own
    addresses: z.preprocess((v) => isWay(v) ? [v] : v, list('addresses', interfaceAddress()).default([])),
    advertise: advertiseSchema().nullable().default(null),
    probe: boolean().default(false),
    capture: path.default(''),
    impair: record('a map with in and out', { in: impairSchema().default({}), out: impairSchema().default({}) })
      .nullable().default(null),
  }
  const all = record(`a map with ${Object.keys(shape).join(', ')}`, shape)
  return all.transform(({ bridge, tap, raw, addresses: wanted, ...others }, ctx) => {
    const addresses = wanted.filter((a): a is AddrPrefix => !isWay(a))
    const ways = { dhcp: wanted.includes('dhcp'), dhcp6: wanted.includes('dhcp6'), auto: wanted.includes('auto') }
    const rest = { ...others, addresses, ...ways }
    const given = [bridge, tap, raw].filter((x) => x !== undefined).length
    if (given !== 1) {
      const params = { found: given === 0 ? 'none' : `${given} of them` }
      ctx.addIssue({ code: 'custom', message: 'exactly one of bridge, tap and raw', params })
      return z.NEVER
    }
    const link: InterfaceConfig['link'] = bridge !== undefined ? { kind: 'bridge', bridge }
      : tap !== undefined ? { kind: 'tap', tap } : { kind: 'raw', protocol: IPPROTO_ICMP }
    return { ...rest, link }
  })
}

/** What a router tells the hosts of an interface; defaults are RFC 4861 §6.2.1's. */
function advertiseSchema(): z.ZodType<AdvertiseConfig> {
  const prefix = parsed('a network like 2001:db8:1::/64 without bits outside its prefix', (text) => {
    const p = text.includes('/') ? destinationParse(text) : null
    return p === null || addrIsV4(p.addr) || p.prefixLen === 0 || addr6IsMulticast(p.addr) || addr6IsLinkLocal(p.addr) ? null : p
  })
  const server = parsed('an IPv6 address like 2001:db8::53', (text) => {
    const a = parseGateway(text)
    return a === null || addrIsV4(a) ? null : a
  })
  const domain = parsed('a domain like example.org', (text) => (/^[a-z0-9_-]{1,63}([.][a-z0-9_-]{1,63})*$/i.test(text) ? text : null))
  return record('a map with prefixes, dns, search, lifetimeSeconds, preference, mtu and intervalSeconds', {
    prefixes: list('networks', prefix).default([]),
    dns: list('addresses', server).default([]),
    search: list('domains', domain).default([]),
    lifetimeSeconds: integer(0, 65_535).default(1800),
    preference: oneOf(['low', 'medium', 'high'] as const).default('medium'),
    mtu: integer(1280, MAX_MTU).default(0),
    intervalSeconds: integer(4, 1800).default(600),
  }).transform(({ lifetimeSeconds, intervalSeconds, ...rest }, ctx) => {
    if (lifetimeSeconds !== 0 && lifetimeSeconds < intervalSeconds) {
      ctx.addIssue({
        code: 'custom', path: ['lifetimeSeconds'], message: `0, or intervalSeconds (${intervalSeconds}) and more`,
        params: { found: String(lifetimeSeconds) },
      })
    }
    return { ...rest, lifetimeS: lifetimeSeconds, intervalS: intervalSeconds }
  })
}

function impairSchema(): z.ZodType<InterfaceConfig['impair'] extends null | { in: infer T } ? T : never> {
  const full = createImpairConfig()
  const shape = Object.fromEntries(Object.entries(full).map(([key, value]) => [
    key, (typeof value === 'boolean' ? boolean() : number()).optional(),
  ]))
  return record(`a map with ${Object.keys(full).join(', ')}`, shape).transform((given, ctx) => {
    try {
      checkImpairConfig(createImpairConfig(given))
    } catch (error) {
      // "lossRate is 2, expected 0…1"
      const said = (error as Error).message
      const key = Object.keys(given).find((k) => said.startsWith(k))
      ctx.addIssue({ code: 'custom', message: said, path: key === undefined ? [] : [key], params: { whole: true } })
    }
    return given
  })
}

function routeSchema(): z.ZodType<RouteConfig> {
  const shape = {
    to: parsed('"default" or a network like 10.1.0.0/16 or 2001:db8::/32 without bits outside its prefix', parseRoute),
    via: parsed('an address like 10.0.0.1 or fe80::1', parseGateway).nullable().default(null),
    interface: name().default(''),
  }
  return record('a map with to, via and interface', shape).transform(({ to: given, ...route }, ctx) => {
    const { via } = route
    if (via === null && route.interface === '') {
      ctx.addIssue({ code: 'custom', message: 'via or interface', params: { found: 'neither' } })
    }
    // the default route is of its gateway's family
    const six = via !== null && !addrIsV4(via)
    const to = given !== 'default' ? given : { addr: six ? addr6(0, 0, 0, 0) : addrFromIp4(0), prefixLen: 0 }
    if (via !== null && addrIsV4(to.addr) === six) {
      const found = `${addrPrint(via)} for a network of ${six ? 'IPv4' : 'IPv6'}`
      ctx.addIssue({ code: 'custom', path: ['via'], message: 'a gateway of the same family', params: { found } })
    }
    if (six && addr6IsLinkLocal(via) && route.interface === '') {
      ctx.addIssue({ code: 'custom', message: 'interface, for a link-local gateway', params: { found: 'none' } })
    }
    return { ...route, to }
  })
}

/** Names and ranges of tunables are config-check.ts's. */
function sysctlSchema(): z.ZodType<{ name: string; value: string }[]> {
  const value = z.union([z.number(), z.string(), z.boolean()], { error: 'a number or a word' })
  return z.record(z.string(), value, { error: 'a map of sysctl names to values' })
    .transform((map) => Object.entries(map).map(([key, v]) => ({
      name: key, value: typeof v === 'boolean' ? (v ? '1' : '0') : String(v),
    })))
}

function serviceSchema(path: z.ZodType<string>): z.ZodType<ServiceConfig> {
  const full = record('a map with name, port, root and zones', {
    name: oneOf(SERVICES),
    port: integer(1, 65_535).default(0),
    root: path.default(''),
    zones: zonesSchema().default({}),
  })
  const bare = SERVICES.filter((service) => service !== 'files' && service !== 'dns')
  const expected = `one of ${bare.join(', ')}, or a map with name, port, (of files) root and (of dns) zones`
  return z.unknown().transform((v, ctx) => {
    const result = typeof v === 'string' && (bare as readonly string[]).includes(v)
      ? { success: true as const, data: { name: v as ServiceName, port: 0, root: '', zones: {} } }
      : v !== null && typeof v === 'object' ? full.safeParse(v) : null
    if (result?.success === true) {
      const { name, root, zones } = result.data
      const found = (owner: ServiceName): string => (name === owner ? 'none' : `one of "${name}"`)
      if ((name === 'files') !== (root !== '')) {
        ctx.addIssue({ code: 'custom', path: ['root'], message: 'a folder for "files", and for no other',
          params: { found: found('files') } })
      } else if ((name === 'dns') !== (Object.keys(zones).length > 0)) {
        ctx.addIssue({ code: 'custom', path: ['zones'], message: 'zones for "dns", and for no other',
          params: { found: found('dns') } })
      } else return result.data
    } else if (result === null) ctx.addIssue({ code: 'custom', message: expected })
    else for (const issue of result.error.issues) ctx.addIssue({ ...issue, code: 'custom', params: { ...issue, ...paramsOf(issue) } })
    return z.NEVER
  })
}

/** What an issue of our own was given to say. */
function paramsOf(issue: z.core.$ZodIssue): object {
  return issue.code === 'custom' ? { ...issue.params } : {}
}

function zonesSchema(): z.ZodType<Record<string, string[]>> {
  const lines = list('records like "www 300 A 10.0.0.1"', z.string({ error: 'a record like "www 300 A 10.0.0.1"' }))
  return z.record(z.string(), lines, { error: 'a map of zones to their records' }).transform((zones, ctx) => {
    for (const [zone, records] of Object.entries(zones)) {
      try {
        parseZones({ [zone]: records })
      } catch (error) {
        ctx.addIssue({ code: 'custom', path: [zone], message: (error as Error).message, params: { whole: true } })
      }
    }
    return zones
  })
}

/** A map with these keys and no others. */
function record<T extends z.ZodRawShape>(what: string, shape: T): z.ZodObject<T, z.core.$strict> {
  return z.strictObject(shape, {
    error: (issue) => (issue.code === 'unrecognized_keys' ? `one of ${Object.keys(shape).join(', ')}` : what),
  })
}

function list<T extends z.ZodType>(what: string, item: T): z.ZodArray<T> {
  return z.array(item, { error: `a list of ${what}` })
}

function boolean(): z.ZodBoolean {
  return z.boolean({ error: 'true or false' })
}

function number(): z.ZodNumber {
  return z.number({ error: 'a number' })
}

function integer(min: number, max: number): z.ZodNumber {
  const error = `a whole number from ${min} to ${max}`
  return z.number({ error }).int({ error }).min(min, { error }).max(max, { error })
}

function oneOf<const T extends readonly string[]>(words: T): z.ZodType<T[number]> {
  const expected = `one of ${words.join(', ')}`
  return parsed(expected, (text) => (words.includes(text) ? text as T[number] : null))
}

function name(): z.ZodType<string> {
  return parsed('a name of letters, digits, ".", "_" and "-" (at most 32)', (text) =>
    (/^[A-Za-z0-9][\w.-]{0,31}$/.test(text) ? text : null))
}

function mac(): z.ZodType<number> {
  return parsed('a hardware address of one station like 02:00:00:00:00:01', (text) => {
    const value = macParse(text)
    return value === null || value === 0 || macIsMulticast(value) ? null : value
  })
}

/** A host's address with the length of its network. */
function hostPrefix(): z.ZodType<Prefix> {
  return parsed(HOST_PREFIX, parseHostPrefix)
}

/** Where addresses come from that are not given. */
type Way = 'dhcp' | 'dhcp6' | 'auto'

function isWay(v: unknown): v is Way {
  return v === 'dhcp' || v === 'dhcp6' || v === 'auto'
}

function interfaceAddress(): z.ZodType<AddrPrefix | Way> {
  return parsed<AddrPrefix | Way>(`${HOST_PREFIX} or 2001:db8::1/64, or one of dhcp, dhcp6, auto`, (text) =>
    (isWay(text) ? text : text.includes(':') ? parseHostPrefix6(text) : hostPrefix4(text)))
}

function hostPrefix4(text: string): AddrPrefix | null {
  const p = parseHostPrefix(text)
  return p === null ? null : { addr: addrFromIp4(p.ip), prefixLen: p.prefixLen }
}

/** A unicast address that can be somebody's (RFC 4291 §2.5); link-local ones need no zone here. */
function parseHostPrefix6(text: string): AddrPrefix | null {
  const p = text.includes('/') ? addrParsePrefix(text) : null
  if (p === null || p.prefixLen === 0 || p.addr.zone !== 0 || addrIsV4(p.addr)) return null
  return addr6IsMulticast(p.addr) || addrIsUnspecified(p.addr) || addrIsLoopback(p.addr) ? null : p
}

const HOST_PREFIX = 'the address of a host with its prefix length, like 10.0.0.1/24'

function parseHostPrefix(text: string): Prefix | null {
  const p = text.includes('/') ? ip4ParsePrefix(text) : null
  if (p === null || p.prefixLen === 0) return null
  if ((p.ip >>> 24) === 0 || ip4IsMulticast(p.ip) || (p.ip >>> 28) === 0xf) return null
  const hostMask = ~ip4Mask(p.prefixLen)
  const edge = (p.ip & hostMask) === 0 || (p.ip & hostMask) === hostMask
  return p.prefixLen < 31 && edge ? null : p
}

function parseRoute(text: string): AddrPrefix | 'default' | null {
  if (text === 'default') return text
  return text.includes('/') ? destinationParse(text) : null
}

/** A neighbour: an address that can be somebody's. */
function parseGateway(text: string): Addr | null {
  const addr = addrParse(text)
  return addr === null || addr.zone !== 0 || addrIsUnspecified(addr) || addrIsMulticast(addr) ? null : addr
}

/** A string that `parse` understands; null means that it does not. */
function parsed<T>(expected: string, parse: (text: string) => T | null): z.ZodType<T> {
  return z.unknown().transform((v, ctx) => {
    const value = typeof v === 'string' ? parse(v) : null
    if (value !== null) return value
    ctx.addIssue({ code: 'custom', message: expected })
    return z.NEVER
  })
}

/** What VIMAGE_CONFIG says: a file, or YAML (JSON is YAML too). */

import { existsSync, readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { z } from 'zod'
import { addrParse, ip4ParsePrefix } from '../lib/addr.ts'
import { checkImpairConfig, createImpairConfig } from '../device/impair-plan.ts'
import { parseZones } from '../service/dns-zone.ts'
import { parseServer } from './resolver.ts'

const ADDRESS = z.string().refine((s) => addrParse(s) !== null, 'not an IP address')
const PREFIX = z.string().refine(isPrefix, 'not an address with a prefix length, as 10.0.0.2/24')
const SERVER = z.string().refine(isServer, 'not the address of a DNS server')

const IMPAIR = z.record(z.string(), z.union([z.number(), z.boolean()])).default({}).refine(isImpairment, 'not an impairment')
const SIMPLE = z.enum(['echo', 'discard', 'chargen'])
const ZONES = z.record(z.string(), z.array(z.string())).superRefine((zones, ctx) => {
  try {
    parseZones(zones)
  } catch (error) {
    ctx.addIssue({ code: 'custom', message: (error as Error).message })
  }
})

const SCHEMA = z.strictObject({
  /** Of the Vnet, and a name for its own loopback address. */
  name: z.string().min(1).default('app'),
  /** By name, each on a TAP of the host. */
  interfaces: z.record(z.string(), z.strictObject({
    /** One of these three: a TAP of the host, a bridge of the daemon, or the switch of the `world`. */
    tap: z.string().min(1).optional(),
    bridge: z.string().min(1).optional(),
    world: z.literal(true).optional(),
    /** The daemon's control socket; '' for the usual one. */
    control: z.string().default(''),
    address: z.union([z.literal('dhcp'), PREFIX, z.array(PREFIX)]),
    /** To give the TAP; 0: what it has. Of other links 1500 by default. */
    mtu: z.int().min(0).max(65_520).default(0),
    /** What becomes of packets on the link, by direction: keys as in the daemon's configuration. */
    impair: z.strictObject({ in: IMPAIR, out: IMPAIR }).optional(),
  }).refine((i) => [i.tap, i.bridge, i.world].filter((x) => x !== undefined).length === 1, {
    error: 'expected exactly one of tap, bridge and world',
  })).default({}),
  /** Other hosts in this process, all on one switch. */
  world: z.strictObject({
    hosts: z.record(z.string(), z.strictObject({
      address: z.union([PREFIX, z.array(PREFIX)]),
      services: z.array(z.union([SIMPLE, z.strictObject({ name: z.literal('dns'), zones: ZONES })])).default([]),
    })),
  }).default({ hosts: {} }),
  routes: z.array(z.strictObject({
    to: z.union([z.literal('default'), PREFIX]),
    via: ADDRESS,
  })).default([]),
  /** More addresses of this host, on the loopback interface. */
  loopback: z.array(PREFIX).default([]),
  resolver: z.strictObject({
    hosts: z.record(z.string(), z.union([ADDRESS, z.array(ADDRESS)])).default({}),
    servers: z.array(SERVER).default([]),
    search: z.array(z.string()).default([]),
    ndots: z.int().min(0).max(15).default(1),
    timeoutMs: z.int().min(1).default(5000),
    attempts: z.int().min(1).max(10).default(4),
  }).default({ hosts: {}, servers: [], search: [], ndots: 1, timeoutMs: 5000, attempts: 4 }),
  sysctl: z.record(z.string(), z.union([z.number(), z.string(), z.boolean()])).default({}),
})

export type RegisterConfig = z.infer<typeof SCHEMA>

/** The configuration; of nothing (undefined or empty) the default. Throws an Error that says what is wrong, and where. */
export function readConfig(value: string | undefined): RegisterConfig {
  const text = value === undefined || value.trim() === '' ? '{}' : isFile(value) ? readFileSync(value, 'utf8') : value
  const where = text === value ? 'VIMAGE_CONFIG' : value ?? ''
  let tree: unknown
  try {
    tree = parse(text)
  } catch (error) {
    throw new Error(`${where}: ${(error as Error).message}`, { cause: error })
  }
  const result = SCHEMA.safeParse(tree ?? {})
  if (result.success) return result.data
  throw new Error(result.error.issues.map((i) => `${where}: ${i.path.join('.')}: ${i.message}`).join('\n'))
}

function isFile(value: string): boolean {
  return !/[\n{]/.test(value) && (existsSync(value) || !value.includes(': '))
}

function isPrefix(text: string): boolean {
  if (!text.includes('/')) return false
  if (ip4ParsePrefix(text) !== null) return true
  const [addr, len] = text.split('/')
  return addrParse(addr) !== null && addr.includes(':') && /^\d{1,3}$/.test(len) && Number(len) <= 128
}

function isServer(text: string): boolean {
  try {
    parseServer(text)
    return true
  } catch {
    return false
  }
}

function isImpairment(given: Record<string, number | boolean>): boolean {
  const known = createImpairConfig()
  if (!Object.keys(given).every((key) => key in known)) return false
  try {
    checkImpairConfig(createImpairConfig(given))
    return true
  } catch {
    return false
  }
}

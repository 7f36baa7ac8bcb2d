/** What VIMAGE_CONFIG says: a file, or YAML (JSON is YAML too). */

import { existsSync, readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { z } from 'zod'
import { addrParse, ip4ParsePrefix } from '../lib/addr.ts'
import { parseServer } from './resolver.ts'

const ADDRESS = z.string().refine((s) => addrParse(s) !== null, 'not an IP address')
const PREFIX = z.string().refine(isPrefix, 'not an address with a prefix length, as 10.0.0.2/24')
const SERVER = z.string().refine(isServer, 'not the address of a DNS server')

const SCHEMA = z.strictObject({
  /** Of the Vnet, and a name for its own loopback address. */
  name: z.string().min(1).default('app'),
  /** By name, each on a TAP of the host. */
  interfaces: z.record(z.string(), z.strictObject({
    tap: z.string().min(1),
    address: z.union([PREFIX, z.array(PREFIX)]),
    /** To give the TAP; 0: what it has. */
    mtu: z.int().min(0).max(65_520).default(0),
  })).default({}),
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

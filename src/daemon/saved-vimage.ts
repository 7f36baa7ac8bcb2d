/**
 * A whole vimage as bytes: its configuration, what its services know, and the snapshot of its Vnet.
 *
 *   "VIMF" | format version | length of the description (int32 each, little-endian) | description, JSON | snapshot
 */

import { z } from 'zod'
import { addrFromIp4 } from '../lib/addr.ts'
import { parseZones } from '../service/dns-zone.ts'
import { SERVICE_NAMES } from '../service/service.ts'
import type { SavedService } from '../service/saved.ts'
import { ManageError } from '../vimage/error.ts'
import type { VimageConfig } from './config-types.ts'

export interface SavedVimage {
  config: VimageConfig
  /** In the order of `config.services`. */
  services: SavedService[]
  /** Checked by Vnet.restore. */
  snapshot: Uint8Array
}

/** "VIMF" read as a little-endian int32. */
const MAGIC = 0x464d4956
const VERSION = 1
const HEADER = 12
const MAX_DESCRIPTION = 256 * 1024 * 1024

export function savedEncode({ config, services, snapshot }: SavedVimage): Buffer {
  const text = Buffer.from(JSON.stringify({ config, services }, (_key, value: unknown) =>
    value === Infinity ? 'Infinity' : value))
  const head = Buffer.alloc(HEADER)
  head.writeInt32LE(MAGIC, 0)
  head.writeInt32LE(VERSION, 4)
  head.writeInt32LE(text.length, 8)
  return Buffer.concat([head, text, snapshot])
}

/** True for bytes that begin as a saved vimage does (a Vnet's snapshot begins otherwise). */
export function isSavedVimage(bytes: Buffer): boolean {
  return bytes.length >= HEADER && bytes.readInt32LE(0) === MAGIC
}

/** Throws ManageError EINVAL that says what is wrong with the bytes. Nothing in them is trusted. */
export function savedDecode(bytes: Uint8Array): SavedVimage {
  const b = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (b.length < HEADER || b.readInt32LE(0) !== MAGIC) throw bad('they do not begin like one')
  const version = b.readInt32LE(4)
  if (version !== VERSION) throw bad(`format version ${version}, expected ${VERSION}`)
  const length = b.readInt32LE(8)
  if (length < 0 || length > Math.min(MAX_DESCRIPTION, b.length - HEADER)) throw bad('cut off in the description')
  let value: unknown
  try {
    value = JSON.parse(b.toString('utf8', HEADER, HEADER + length))
  } catch (error) {
    throw bad(`the description is not JSON: ${(error as Error).message}`)
  }
  const found = DESCRIPTION.safeParse(value)
  if (!found.success) {
    const [issue] = found.error.issues
    throw bad(`${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`)
  }
  const { config, services } = found.data
  if (services.length !== config.services.length) throw bad('its services are not those of its configuration')
  // a copy: the snapshot's reader wants to know where it ends
  return { config, services, snapshot: b.subarray(HEADER + length) }
}

function bad(why: string): ManageError {
  return new ManageError('EINVAL', `these bytes are no saved vimage: ${why}`)
}

const int = z.int()
const prefix = z.strictObject({ ip: int, prefixLen: z.int().min(0).max(32) })
const word = z.int().min(-0x80000000).max(0x7fffffff)
const addr = z.strictObject({ w0: word, w1: word, w2: word, w3: word, zone: z.literal(0) })
/** Files from before IPv6 have IPv4's alone. */
const addrPrefix = z.union([
  z.strictObject({ addr, prefixLen: z.int().min(0).max(128) }),
  prefix.transform((p) => ({ addr: addrFromIp4(p.ip), prefixLen: p.prefixLen })),
])
const gateway = z.union([addr, z.null(), int.transform((ip) => (ip === 0 ? null : addrFromIp4(ip)))])
const tap = z.strictObject({
  name: z.string().regex(/^[^\s/:%]{1,15}$/), attach: z.boolean(), offload: z.boolean(), threaded: z.boolean().default(false),
  merge: z.boolean().default(true), mtu: int, mac: int,
  address: prefix.nullable(), up: z.boolean().nullable(),
})
const amount = z.union([z.number(), z.literal('Infinity').transform(() => Infinity), z.boolean()])
const impair = z.record(z.string(), amount)

const advertise = z.strictObject({
  prefixes: z.array(addrPrefix), dns: z.array(addr), search: z.array(z.string()), lifetimeS: int,
  preference: z.enum(['low', 'medium', 'high']),
  mtu: int, intervalS: int,
})

const CONFIG: z.ZodType<VimageConfig> = z.strictObject({
  name: z.string().regex(/^[A-Za-z0-9][\w.-]{0,31}$/),
  seed: z.array(int),
  interfaces: z.array(z.strictObject({
    name: z.string().max(15),
    link: z.discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('bridge'), bridge: z.string() }),
      z.strictObject({ kind: z.literal('tap'), tap }),
      z.strictObject({ kind: z.literal('raw'), protocol: int }),
    ]),
    mac: int, mtu: int, addresses: z.array(addrPrefix), dhcp: z.boolean().default(false),
    dhcp6: z.boolean().default(false), auto: z.boolean().default(false),
    advertise: advertise.nullable().default(null), probe: z.boolean(), capture: z.string(),
    impair: z.strictObject({ in: impair, out: impair }).nullable(),
  })),
  routes: z.array(z.strictObject({ to: addrPrefix, via: gateway, interface: z.string() })),
  sysctls: z.array(z.strictObject({ name: z.string(), value: z.string() })),
  services: z.array(z.strictObject({
    name: z.enum(SERVICE_NAMES), port: int, root: z.string(), zones: z.record(z.string(), z.array(z.string())).default({}).refine(areZones),
  })),
  record: z.string().default(''),
})

const SERVICE: z.ZodType<SavedService> = z.strictObject({
  name: z.string(), listener: int, udp: int,
  talks: z.array(z.strictObject({
    id: int, data: z.record(z.string(), z.union([z.number(), z.string()])), out: z.base64(), ended: z.boolean(),
    closing: z.boolean(),
  })),
})

const DESCRIPTION = z.strictObject({ config: CONFIG, services: z.array(SERVICE) })

function areZones(zones: Record<string, string[]>): boolean {
  try {
    parseZones(zones)
    return true
  } catch {
    return false
  }
}

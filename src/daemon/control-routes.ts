/** What the control API answers: one row for each method and path. The command line's verbs use all of them. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import { z } from 'zod'
import { counterRows } from '../vimage/counters.ts'
import { ManageError } from '../vimage/error.ts'
import {
  interfaceAddAddress, interfaceDhcp, interfaceDhcp6, interfaceGet, interfaceList, interfaceRemoveAddress, interfaceSetMtu, interfaceSetUp,
} from '../vimage/interfaces.ts'
import { interfaceAuto, prefixRows, routerRows } from '../vimage/autoconf.ts'
import { neighbour6Rows, neighbourDelete, neighbourRows, neighbourSet } from '../vimage/neighbours.ts'
import { policyDelete, policyRows, policySet } from '../vimage/policy.ts'
import { routeGet, routeInsert, routeRemove, routeRows } from '../vimage/routes.ts'
import { socketRows } from '../vimage/sockets.ts'
import { vnetStatus } from '../vimage/status.ts'
import { sysctlAssign, sysctlRows } from '../vimage/sysctls.ts'
import { connectionRows, traceListing } from '../vimage/traces.ts'
import type { Runner } from '../vnet/runner.ts'
import { bridgeRows, daemonInfo, macRows, thereAre, vimageRows } from './listings.ts'
import { positive, streamCapture, streamMessages, streamPing } from './streams.ts'
import type { MadeVimage } from './build.ts'
import type { Daemon } from './daemon.ts'
import { migrateVimage, restoreVimage, saveVimage } from './move.ts'

export interface Call {
  daemon: Daemon
  /** Parts of the path that stand for `:name`, in order. */
  params: string[]
  query: URLSearchParams
  /** Undefined for GET and DELETE. */
  body: unknown
  request: IncomingMessage
  response: ServerResponse
}

/** Returns what to send as JSON, or undefined for "done" or when it has answered itself. */
type Handler = (call: Call) => unknown

type Found = { handler: Handler; params: string[] } | { handler: null; allow: string[] }

/** The handler of a request; `allow` lists the methods of a path that exists. */
export function findRoute(method: string, path: string): Found {
  const parts = decodeParts(path)
  const allow: string[] = []
  for (const [route, handler] of Object.entries(ROUTES)) {
    const [routeMethod = '', pattern = ''] = route.split(' ')
    const params = match(pattern, parts)
    if (params === null) continue
    if (routeMethod === method) return { handler, params }
    allow.push(routeMethod)
  }
  return { handler: null, allow }
}

/** By method and path. */
const ROUTES: Readonly<Record<string, Handler>> = Object.freeze({
  'GET /v1': ({ daemon }) => daemonInfo(daemon),
  'POST /v1/down': down,
  'GET /v1/bridges': ({ daemon }) => bridgeRows(daemon),
  'GET /v1/bridges/:bridge/macs': ({ daemon, params }) => macRows(daemon, params[0]),
  'GET /v1/capture': streamCapture,
  'GET /v1/vimages': ({ daemon }) => vimageRows(daemon),
  'POST /v1/vimages': restore,
  'POST /v1/vimages/:vimage/snapshot': snapshot,
  'POST /v1/vimages/:vimage/migrate': (c) => {
    const { to } = z.strictObject({ to: z.string().min(1) }).parse(c.body)
    return migrateVimage(c.daemon, madeOf(c), to)
  },
  'GET /v1/vimages/:vimage': (c) => vnetStatus(runnerOf(c)),
  'GET /v1/vimages/:vimage/interfaces': (c) => interfaceList(runnerOf(c)),
  'GET /v1/vimages/:vimage/interfaces/:interface': (c) => interfaceGet(runnerOf(c), c.params[1]),
  'PATCH /v1/vimages/:vimage/interfaces/:interface': patchInterface,
  'GET /v1/vimages/:vimage/arp': (c) => neighbourRows(runnerOf(c)),
  'GET /v1/vimages/:vimage/ndp': (c) => neighbour6Rows(runnerOf(c)),
  'GET /v1/vimages/:vimage/ndp-routers': (c) => routerRows(runnerOf(c)),
  'GET /v1/vimages/:vimage/ndp-prefixes': (c) => prefixRows(runnerOf(c)),
  'PUT /v1/vimages/:vimage/arp/:address': (c) => {
    neighbourSet(runnerOf(c), c.params[1], z.strictObject({ mac: z.string() }).parse(c.body).mac)
  },
  'DELETE /v1/vimages/:vimage/arp/:address': (c) => neighbourDelete(runnerOf(c), c.params[1]),
  'GET /v1/vimages/:vimage/policy': (c) => policyRows(runnerOf(c)),
  'POST /v1/vimages/:vimage/policy': (c) => {
    policySet(runnerOf(c), z.strictObject({ prefix: z.string(), precedence: z.number(), label: z.number() }).parse(c.body))
  },
  'DELETE /v1/vimages/:vimage/policy': (c) => policyDelete(runnerOf(c), c.query.get('prefix') ?? ''),
  'GET /v1/vimages/:vimage/routes': (c) => {
    const to = c.query.get('to')
    return to === null ? routeRows(runnerOf(c)) : routeGet(runnerOf(c), to)
  },
  'POST /v1/vimages/:vimage/routes': (c) => {
    const text = z.string().default('')
    routeInsert(runnerOf(c), z.strictObject({ to: z.string(), via: text, interface: text }).parse(c.body))
  },
  'DELETE /v1/vimages/:vimage/routes': (c) => {
    routeRemove(runnerOf(c), c.query.get('to') ?? '', c.query.get('via') ?? '')
  },
  'GET /v1/vimages/:vimage/sockets': (c) => socketRows(runnerOf(c)),
  'GET /v1/vimages/:vimage/connections': (c) => connectionRows(runnerOf(c)),
  'GET /v1/vimages/:vimage/trace': (c) => traceListing(runnerOf(c), {
    socket: positive(c.query, 'socket', 0, Number.MAX_SAFE_INTEGER), last: positive(c.query, 'last', Infinity, Number.MAX_SAFE_INTEGER),
  }),
  'GET /v1/vimages/:vimage/counters': (c) => counterRows(runnerOf(c), c.query.has('nonzero')),
  'GET /v1/vimages/:vimage/sysctl': (c) => sysctlRows(runnerOf(c), c.query.get('name') ?? ''),
  'PUT /v1/vimages/:vimage/sysctl/:name': (c) => {
    sysctlAssign(runnerOf(c), c.params[1], z.strictObject({ value: z.string() }).parse(c.body).value)
    return sysctlRows(runnerOf(c), c.params[1])[0]
  },
  'GET /v1/vimages/:vimage/messages': (c) => streamMessages(runnerOf(c), c),
  'POST /v1/vimages/:vimage/ping': (c) => streamPing(runnerOf(c), c),
})

/** The Vnet that the path names; ManageError ENOENT. */
function runnerOf(c: Call): Runner {
  return madeOf(c).host
}

function madeOf(c: Call): MadeVimage {
  const name = c.params[0]
  const made = c.daemon.made.get(name)
  if (made !== undefined) return made
  throw new ManageError('ENOENT', `there is no vimage "${name}"; ${thereAre(c.daemon.made.keys())}`)
}

/** `?stop`: the vimage ends here. */
function snapshot(c: Call): void {
  const bytes = saveVimage(c.daemon, madeOf(c), c.query.has('stop'))
  c.response.setHeader('Content-Type', 'application/octet-stream').setHeader('Content-Length', bytes.length)
  c.response.writeHead(200).end(bytes)
}

function restore({ daemon, body }: Call): { name: string } {
  if (!(body instanceof Uint8Array)) {
    throw new ManageError('EINVAL', 'expected the bytes of a saved vimage, as application/octet-stream')
  }
  return { name: restoreVimage(daemon, body).config.name }
}

/** Answers first, for the answer would not survive the end. */
function down({ daemon, response }: Call): unknown {
  response.once('close', () => void daemon.close())
  return { pid: process.pid }
}

/** Changes are made in the order: addresses removed, addresses added, MTU, up or down. */
function patchInterface(c: Call): unknown {
  const name = c.params[1]
  const change = z.strictObject({
    up: z.boolean().optional(),
    mtuBytes: z.int().optional(),
    add: z.array(z.string()).max(64).default([]),
    remove: z.array(z.string()).max(64).default([]),
    /** Takes the place of every address there is. */
    set: z.string().optional(),
    probe: z.boolean().default(false),
    dhcp: z.boolean().optional(),
    dhcp6: z.boolean().optional(),
    acceptRtadv: z.boolean().optional(),
  }).parse(c.body)
  const runner = runnerOf(c)
  const before = interfaceGet(runner, name)
  for (const address of change.remove) interfaceRemoveAddress(runner, name, address)
  if (change.set !== undefined) replaceAddresses(runner, name, change.set, before.addresses.map((a) => a.address))
  for (const address of change.add) interfaceAddAddress(runner, name, address, change.probe)
  if (change.dhcp !== undefined) interfaceDhcp(runner, name, change.dhcp)
  if (change.dhcp6 !== undefined) interfaceDhcp6(runner, name, change.dhcp6)
  if (change.acceptRtadv !== undefined) interfaceAuto(runner, name, change.acceptRtadv)
  if (change.mtuBytes !== undefined) interfaceSetMtu(runner, name, change.mtuBytes)
  if (change.up !== undefined) interfaceSetUp(runner, name, change.up)
  return interfaceGet(runner, name)
}

/** The new address is added before the others go, so that a wrong one changes nothing. */
function replaceAddresses(runner: Runner, name: string, address: string, all: string[]): void {
  // those of its family, and a link-local address stays whatever comes (RFC 4291 §2.1)
  const old = all.filter((a) => a.includes(':') === address.includes(':') && !a.startsWith('fe80:'))
  const same = old.filter((a) => a === address.replace(/\/.*$/, ''))
  for (const a of same) interfaceRemoveAddress(runner, name, a)
  interfaceAddAddress(runner, name, address, false)
  for (const a of old) if (!same.includes(a)) interfaceRemoveAddress(runner, name, a)
}

function decodeParts(path: string): string[] {
  try {
    return path.split('/').slice(1).map(decodeURIComponent)
  } catch {
    throw new ManageError('EINVAL', `${path} is not a well-formed path`)
  }
}

function match(pattern: string, parts: string[]): string[] | null {
  const wanted = pattern.split('/').slice(1)
  if (wanted.length !== parts.length) return null
  const params: string[] = []
  for (const [i, want] of wanted.entries()) {
    const part = parts[i]
    if (want.startsWith(':')) params.push(part)
    else if (want !== part) return null
  }
  return params
}

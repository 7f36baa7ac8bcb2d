/** Node's `dgram` on one Vnet: its Socket is a subclass of Node's own with a handle of the Vnet. */

import dgram from 'node:dgram'
import { symbolOf } from './binding.ts'
import type { DnsModule } from './dns.ts'
import { subclass } from './net.ts'
import type { NetEnv } from './netenv.ts'
import { createUdpClass } from './udp-handle.ts'

export type DgramModule = typeof dgram

type Lookup = (address: string, family: number, done: (...args: unknown[]) => void) => void

/** A handle as Node's Socket prepares it. */
export interface Prepared {
  close(): void
  bind6?: unknown
  connect6?: unknown
  send6?: unknown
  lookup?: (address: string | undefined, done: (...args: unknown[]) => void) => void
  bind?: unknown
  connect?: unknown
  send?: unknown
  [key: symbol]: unknown
}

interface State { handle: Prepared | null; bindState: number }

export function createDgram(env: NetEnv, dns: DnsModule): DgramModule {
  const UDP = createUdpClass(() => env)
  const Socket = subclass(dgram.Socket, function Socket(this: dgram.Socket, ...args: unknown[]): void {
    Reflect.apply(dgram.Socket, this, args)
    const options = (typeof args[0] === 'string' ? { type: args[0] } : args[0]) as dgram.SocketOptions
    const state = stateOf(this)
    if (state.handle === null) return
    const lookup = (options.lookup ?? dns.lookup) as Lookup
    state.handle = prepare(new UDP() as unknown as Prepared, state.handle, options.type === 'udp6', lookup)
  })
  return {
    ...dgram,
    Socket,
    createSocket: (...args: ConstructorParameters<typeof dgram.Socket>) => new Socket(...args),
  } as unknown as DgramModule
}

/** Where Node's Socket keeps its handle. */
export function stateOf(socket: dgram.Socket): State {
  const key = symbolOf(socket, 'state symbol')
  if (key === null) throw new Error(`dgram of Node ${process.version} is not one that vimage knows`)
  return (socket as unknown as Record<symbol, State>)[key]
}

/** Ours in the place of Node's, which was not used yet. */
export function prepare(handle: Prepared, was: Prepared, six: boolean, lookup: Lookup): Prepared {
  for (const key of Object.getOwnPropertySymbols(was)) handle[key] = was[key]
  was.close()
  handle.lookup = (address, done) => { lookup(address || (six ? '::1' : '127.0.0.1'), six ? 6 : 4, done) }
  if (six) Object.assign(handle, { bind: handle.bind6, connect: handle.connect6, send: handle.send6 })
  return handle
}

/**
 * What the cases of the differential suite share. A case is run with Node's own modules and with those of a Vnet, with
 * the same expectations; it uses node:assert so that it can also be run by a plain program under vimage/register.
 */

import assert from 'node:assert'
import type dgram from 'node:dgram'
import type { EventEmitter } from 'node:events'
import { once } from 'node:events'
import type net from 'node:net'
import type { NodeModules } from '../../src/node/modules.ts'

export type Mods = Pick<NodeModules, 'net' | 'dgram' | 'dns' | 'tls' | 'http' | 'https'>
export type Case = readonly [name: string, run: (m: Mods) => unknown]

export const LOOP = '127.0.0.1'

/** Listens on loopback; the port. */
export async function listen(server: net.Server, options: net.ListenOptions = {}): Promise<number> {
  server.listen({ host: LOOP, port: 0, ...options })
  await once(server, 'listening')
  return portOf(server)
}

export function portOf(server: net.Server): number {
  return (server.address() as net.AddressInfo).port
}

export interface Pair { server: net.Server; client: net.Socket; peer: net.Socket; port: number }

/** A server, a client and the server's end of their connection. */
export async function pair(
  m: Mods, serverOptions: net.ServerOpts = {}, clientOptions: Partial<net.NetConnectOpts> = {},
): Promise<Pair> {
  const server = m.net.createServer(serverOptions)
  const port = await listen(server)
  const accepted = once(server, 'connection')
  const client = m.net.connect({ port, host: LOOP, ...clientOptions } as net.NetConnectOpts)
  await once(client, 'connect')
  const [peer] = await accepted as [net.Socket]
  return { server, client, peer, port }
}

/** Destroys both ends and closes the server. */
export async function finish(...all: (net.Socket | net.Server | null | undefined)[]): Promise<void> {
  const waits: Promise<unknown>[] = []
  for (const one of all) {
    if (one === null || one === undefined) continue
    if ('listen' in one) {
      if (one.listening) waits.push(new Promise((resolve) => one.close(resolve)))
    } else if (!one.destroyed) {
      waits.push(once(one, 'close').catch(() => undefined))
      one.on('error', () => undefined)
      one.destroy()
    }
  }
  await Promise.all(waits)
}

export async function endPair({ server, client, peer }: Pair): Promise<void> {
  await finish(client, peer, server)
}

/** Writes down which events come, in order. */
export function journal(emitter: EventEmitter, names: readonly string[], into: string[], prefix = ''): string[] {
  for (const name of names) emitter.on(name, () => into.push(prefix + name))
  return into
}

export interface Seen { name: string; code: string | undefined; message: string }

/** What `fn` throws, or fails. */
export function thrown(fn: () => unknown): Seen & Record<string, unknown> {
  try {
    fn()
  } catch (error) {
    return seen(error)
  }
  throw new assert.AssertionError({ message: 'nothing was thrown' })
}

export function seen(error: unknown): Seen & Record<string, unknown> {
  const { name, code, message, errno, syscall, address, port } = error as Error & Record<string, string | undefined>
  return { name, code, message, errno, syscall, address, port }
}

/** The error of an `error` event, or of a rejected promise. */
export async function failure(of: EventEmitter | Promise<unknown>): Promise<Seen & Record<string, unknown>> {
  if (of instanceof Promise) {
    return await of.then(() => { throw new assert.AssertionError({ message: 'it did not fail' }) }, seen)
  }
  const [error] = await new Promise<unknown[]>((resolve) => { of.once('error', (...args: unknown[]) => { resolve(args) }) })
  return seen(error)
}

/** The arguments of the next such event; unlike events.once an error does not end the wait. */
export async function event(of: EventEmitter, name: string): Promise<unknown[]> {
  return new Promise((resolve) => { of.once(name, (...args: unknown[]) => { resolve(args) }) })
}

/** All that a stream gives until its end. */
export async function collect(stream: NodeJS.ReadableStream): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(Buffer.from(chunk as Buffer))
  return Buffer.concat(chunks)
}

export async function bound(m: Mods, type: dgram.SocketType = 'udp4', port = 0, address = LOOP): Promise<dgram.Socket> {
  const socket = m.dgram.createSocket(type)
  socket.bind(port, address)
  await once(socket, 'listening')
  return socket
}

export async function shut(...sockets: dgram.Socket[]): Promise<void> {
  await Promise.all(sockets.map(async (s) => new Promise<void>((resolve) => { s.close(resolve) })))
}

/** A turn of the event loop. */
export async function turn(): Promise<void> {
  await new Promise((resolve) => { setImmediate(resolve) })
}

export const wait = async (ms: number): Promise<void> => new Promise((resolve) => { setTimeout(resolve, ms) })

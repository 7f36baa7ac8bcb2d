/**
 * The control API's server: HTTP and JSON on a Unix socket that only its owner can connect to.
 *
 * What it answers is in control-routes.ts. An error is `{ "error": { "code", "message" } }` with a fitting status.
 */

import { chmodSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { connect } from 'node:net'
import { z } from 'zod'
import { ManageError } from '../vimage/error.ts'
import { bridgePort } from './bridge-port.ts'
import { findRoute } from './control-routes.ts'
import type { Daemon } from './daemon.ts'
import type { Logger } from './log.ts'

/** Most bytes of a request's body: of JSON, and of a saved vimage. */
const MAX_BODY = 65_536
const MAX_BYTES = 1024 * 1024 * 1024
const LIVENESS_MS = 1000

/**
 * Listens on `path`; resolves with what ends it and removes the socket. A socket that a dead daemon left behind is
 * replaced; rejects with EADDRINUSE where a live one listens.
 */
export async function openControl(path: string, daemon: Daemon, log: Logger): Promise<() => void> {
  if (await isAlive(path)) {
    throw Object.assign(new Error(`a daemon is running already: it answers at ${path};`
      + ' end it with "vimage down", or start another with --control PATH'), { code: 'EADDRINUSE' })
  }
  rmSync(path, { force: true })
  const server = createServer((request, response) => {
    answer(daemon, request, response).catch((error: unknown) => sendError(response, error, log))
  })
  const upgraded = new Set<Duplex>()
  server.on('upgrade', (request: IncomingMessage, stream: Duplex, head: Buffer) => {
    upgraded.add(stream)
    stream.once('close', () => upgraded.delete(stream))
    bridgePort(daemon, request, stream, head)
  })
  await listen(server, path)
  server.on('error', (error) => log.error({ err: error.message }, 'control socket'))
  return () => {
    server.close()
    server.closeAllConnections()
    for (const stream of upgraded) stream.destroy()
    rmSync(path, { force: true })
  }
}

/** True when somebody accepts connections at `path`. */
export function isAlive(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path)
    const done = (alive: boolean): void => {
      socket.destroy()
      resolve(alive)
    }
    socket.once('connect', () => done(true))
    socket.once('error', () => done(false))
    // accepted by nobody for so long: its queue is full, so there is a listener
    socket.setTimeout(LIVENESS_MS, () => done(true))
  })
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(Object.assign(new Error(`cannot make the control socket ${path}: ${error.message}`), { code: error.code }))
    })
    // bind(2) happens within the call, so the socket never has other rights than these
    const before = process.umask(0o177)
    try {
      server.listen(path, () => {
        server.removeAllListeners('error')
        chmodSync(path, 0o600)
        resolve()
      })
    } finally {
      process.umask(before)
    }
  })
}

async function answer(daemon: Daemon, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = parseUrl(request.url ?? '/')
  const method = request.method ?? 'GET'
  const found = findRoute(method, url.pathname)
  if (found.handler === null) {
    if (found.allow.length > 0) {
      response.setHeader('Allow', found.allow.join(', '))
      throw new HttpError(405, 'EOPNOTSUPP', `${method} is not possible here; ${found.allow.join(', ')} is`)
    }
    throw new HttpError(404, 'ENOENT', `there is nothing at ${url.pathname}`)
  }
  const body = method === 'GET' || method === 'DELETE' ? undefined : await readBody(request)
  daemon.log.debug({ method, path: url.pathname }, 'control request')
  // first, for the turn that sends what comes of it may follow at once
  if (changesVnet(method, url.pathname)) daemon.made.get(found.params[0])?.host.changed()
  const result = await found.handler({ daemon, params: found.params, query: url.searchParams, body, request, response })
  if (response.headersSent) return
  if (result === undefined) response.writeHead(204).end()
  else sendJson(response, 200, result)
}

/** True for what is no socket call: a recording takes the state anew after it. */
function changesVnet(method: string, path: string): boolean {
  return path.startsWith('/v1/vimages/') && method !== 'GET' && !/\/(snapshot|migrate|ping|exec)$/.test(path)
}

function parseUrl(text: string): URL {
  try {
    return new URL(text, 'http://vimage')
  } catch {
    throw new HttpError(400, 'EINVAL', `${text} is not a well-formed path`)
  }
}

/** JSON's value, or the bytes of an application/octet-stream. */
async function readBody(request: IncomingMessage): Promise<unknown> {
  const raw = request.headers['content-type'] === 'application/octet-stream'
  const most = raw ? MAX_BYTES : MAX_BODY
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > most) throw new HttpError(413, 'EMSGSIZE', `a request's body may have at most ${most} bytes`)
    chunks.push(chunk)
  }
  if (raw) return Buffer.concat(chunks)
  if (length === 0) return {}
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8')) as unknown
  } catch (error) {
    throw new HttpError(400, 'EINVAL', `the request's body is not JSON: ${(error as Error).message}`)
  }
}

class HttpError extends Error {
  readonly status: number
  readonly code: string

  constructor(status: number, code: string, message: string) {
    super(message)
    this.status = status
    this.code = code
  }
}

function sendError(response: ServerResponse, error: unknown, log: Logger): void {
  const { status, code, message } = describe(error)
  if (status === 500) log.error({ err: error instanceof Error ? error.stack : String(error) }, 'control request failed')
  if (response.headersSent || response.destroyed) {
    response.destroy()
    return
  }
  // what is left of a body that is too long is not read
  if (status === 413) response.setHeader('Connection', 'close')
  sendJson(response, status, { error: { code, message } })
}

function describe(error: unknown): { status: number; code: string; message: string } {
  if (error instanceof HttpError) return error
  if (error instanceof ManageError) return { status: statusOf(error.code), code: error.code, message: error.message }
  if (error instanceof z.ZodError) return { status: 400, code: 'EINVAL', message: zodSentence(error) }
  return { status: 500, code: 'EIO', message: error instanceof Error ? error.message : String(error) }
}

function zodSentence(error: z.ZodError): string {
  return error.issues.map((issue) => {
    const where = issue.path.length === 0 ? 'the request' : `"${issue.path.join('.')}"`
    return `${where}: ${issue.message}`
  }).join('; ')
}

function statusOf(code: string): number {
  if (code === 'ENOENT') return 404
  if (code === 'EEXIST' || code === 'EADDRINUSE' || code === 'EBUSY') return 409
  return code === 'EINVAL' ? 400 : 422
}

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  const body = `${JSON.stringify(value)}\n`
  response.setHeader('Content-Type', 'application/json').setHeader('Content-Length', Buffer.byteLength(body))
  response.writeHead(status).end(body)
}

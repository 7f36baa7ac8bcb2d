/** The control API's client: what every verb of the command line that needs a daemon talks through. */

import { request as httpRequest } from 'node:http'
import type { IncomingMessage } from 'node:http'

/** Most bytes of one line of a streamed answer. */
const MAX_LINE = 1024 * 1024

/** An error that the daemon sent, or that there is no daemon (code ECONNREFUSED). */
export class ControlError extends Error {
  override name = 'ControlError'
  readonly code: string
  /** HTTP status; 0 when no daemon answered. */
  readonly status: number

  constructor(code: string, message: string, status: number) {
    super(message)
    this.code = code
    this.status = status
  }
}

export class ControlClient {
  readonly path: string

  constructor(path: string) {
    this.path = path
  }

  get<T>(path: string): Promise<T> {
    return this.call<T>('GET', path)
  }

  /** The answer's JSON, undefined when there is none; rejects with ControlError. */
  async call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await this.#send(method, path, body, undefined)
    const text = await readAll(response)
    return (text === '' ? undefined : JSON.parse(text)) as T
  }

  /** The answer's bytes; rejects with ControlError. */
  async getBytes(method: string, path: string): Promise<Buffer> {
    const response = await this.#send(method, path, undefined, undefined)
    const chunks: Buffer[] = []
    for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk)
    return Buffer.concat(chunks)
  }

  /** Sends bytes as they are; the answer's JSON. */
  async sendBytes<T>(method: string, path: string, bytes: Uint8Array): Promise<T> {
    const response = await this.#send(method, path, bytes, undefined)
    return JSON.parse(await readAll(response)) as T
  }

  /**
   * Hands each line of a streamed answer to `onLine`; resolves when it has ended or `signal` aborts it. Rejects with
   * ControlError, also when the daemon ends in the middle.
   */
  async stream<T>(
    method: string, path: string, body: unknown, onLine: (line: T) => void, signal?: AbortSignal,
  ): Promise<void> {
    try {
      const response = await this.#send(method, path, body, signal)
      let rest = ''
      for await (const chunk of response.setEncoding('utf8') as AsyncIterable<string>) {
        const lines = (rest + chunk).split('\n')
        rest = lines.pop() as string
        if (rest.length > MAX_LINE) throw new ControlError('EMSGSIZE', 'the daemon sent a line without end', 0)
        for (const line of lines) onLine(JSON.parse(line) as T)
      }
    } catch (error) {
      if (signal?.aborted === true) return
      throw isSystemError(error) ? new ControlError(error.code, 'the daemon has ended', 0) : error
    }
  }

  async #send(method: string, path: string, body: unknown, signal: AbortSignal | undefined): Promise<IncomingMessage> {
    const response = await this.#request(method, path, body, signal)
    const status = response.statusCode ?? 0
    if (status < 400) return response
    throw errorFrom(status, await readAll(response))
  }

  #request(method: string, path: string, body: unknown, signal: AbortSignal | undefined): Promise<IncomingMessage> {
    const raw = body instanceof Uint8Array
    const data = body === undefined ? '' : raw ? body : JSON.stringify(body)
    const type = raw ? 'application/octet-stream' : 'application/json'
    const headers = { 'Content-Type': type, 'Content-Length': Buffer.byteLength(data) }
    return new Promise((resolve, reject) => {
      const request = httpRequest({
        socketPath: this.path, method, path, headers, agent: false, ...(signal === undefined ? {} : { signal }),
      }, resolve)
      request.on('error', (error) => reject(signal?.aborted === true ? error : this.#absent(error)))
      request.end(data)
    })
  }

  #absent(error: NodeJS.ErrnoException): ControlError {
    const code = error.code ?? 'EIO'
    if (code === 'EACCES' || code === 'EPERM') {
      return new ControlError(code, `the control socket ${this.path} belongs to another user`, 0)
    }
    if (code === 'ENOENT' || code === 'ECONNREFUSED') {
      return new ControlError(code, `no daemon answers at ${this.path}; start one with "vimage up"`, 0)
    }
    return new ControlError(code, `the daemon at ${this.path} does not answer: ${error.message}`, 0)
  }
}

function errorFrom(status: number, text: string): ControlError {
  try {
    const { error } = JSON.parse(text) as { error: { code: string; message: string } }
    return new ControlError(error.code, error.message, status)
  } catch {
    return new ControlError('EIO', `the daemon answered with status ${status}`, status)
  }
}

async function readAll(response: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of response.setEncoding('utf8') as AsyncIterable<string>) text += chunk
  return text
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException & { code: string } {
  if (error instanceof ControlError || !(error instanceof Error)) return false
  return typeof (error as { code?: unknown }).code === 'string'
}

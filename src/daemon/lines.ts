/** A streamed answer: one JSON value a line (NDJSON), until either side has had enough. */

import type { ServerResponse } from 'node:http'

/** Bytes that may wait for a slow client. */
const MAX_WAITING = 4 * 1024 * 1024

export class Lines {
  readonly #response: ServerResponse
  /** Resolves when the client has gone or the answer has ended. */
  readonly closed: Promise<void>

  constructor(response: ServerResponse) {
    this.#response = response
    this.closed = new Promise((resolve) => response.once('close', resolve))
    response.writeHead(200, { 'Content-Type': 'application/x-ndjson', 'Cache-Control': 'no-store' })
    response.flushHeaders()
  }

  /** False, and nothing is written, when the client does not keep up or has gone. */
  write(value: unknown): boolean {
    if (this.#response.destroyed || this.#response.writableEnded) return false
    if (this.#response.writableLength > MAX_WAITING) return false
    this.#response.write(`${JSON.stringify(value)}\n`)
    return true
  }

  end(): void {
    this.#response.end()
  }
}

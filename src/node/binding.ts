/**
 * The parts of Node below its JavaScript that this folder stands in for, with types.
 *
 * `net`, `dgram` and `dns` are JavaScript over small native classes: TCP, UDP, ChannelWrap, getaddrinfo. We put classes
 * of the same shape over a Vnet in their place, and keep Node's own JavaScript above them: its checks, events, errors and
 * their order are then those of the Node that runs, in every version (docs/node.md). They are reached through
 * `process.binding`, which Node keeps for such uses; `js_stream` is its class for native streams written in JavaScript,
 * so TLS, HTTP/2 and the HTTP parser read and write ours as they do a kernel's.
 */

/** A request of Node's: `oncomplete` is called with it as `this`. */
export interface Req {
  oncomplete?: ((...args: unknown[]) => void) | undefined
}

/** What Node's JSStream gives (a subclass adds onreadstart, onreadstop, onwrite, onshutdown, isClosing). */
export interface JsStream {
  onread?: ((data?: ArrayBuffer) => void) | undefined
  readBuffer(bytes: Uint8Array): void
  emitEOF(): void
  finishWrite(req: Req, status: number): void
  finishShutdown(req: Req, status: number): void
  getAsyncId(): number
}

interface Bindings {
  js_stream: { JSStream: new () => JsStream }
  stream_wrap: {
    streamBaseState: Int32Array
    kReadBytesOrError: number
    kBytesWritten: number
    kLastWriteWasAsync: number
  }
  tcp_wrap: { TCP: unknown }
  udp_wrap: { UDP: unknown }
  cares_wrap: { getaddrinfo: unknown; getnameinfo: unknown; ChannelWrap: unknown }
}

/** One of Node's internal bindings: the object itself, so that what is put into it is found by Node's modules later. */
export function binding<K extends keyof Bindings>(name: K): Bindings[K] {
  return (process as unknown as { binding(name: string): Bindings[K] }).binding(name)
}

/** The symbol-named property of `of` (or of what it inherits from) with this description. */
export function symbolOf(of: object, description: string): symbol | null {
  for (let at: object | null = of; at !== null; at = Object.getPrototypeOf(at) as object | null) {
    const found = Object.getOwnPropertySymbols(at).find((s) => s.description === description)
    if (found !== undefined) return found
  }
  return null
}

/** libuv's numbers: a negative errno on Linux, and its own. */
export const UV_EOF = -4095
export const UV_EINVAL = -22
export const UV_EBADF = -9
export const UV_EALREADY = -114
export const UV_ECANCELED = -125
export const UV_ENOTCONN = -107
export const UV_EADDRINUSE = -98
export const UV_EAI_AGAIN = -3001
export const UV_EAI_NODATA = -3007
export const UV_EAI_NONAME = -3008

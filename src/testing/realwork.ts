/**
 * Work of a simulated program that really takes time: files, threads of libuv's pool (crypto, zlib), compilation of WebAssembly.
 * Virtual time stands still until all of it is done.
 */

import type { Patches } from '../node/patches.ts'
import type { Scopes } from './scope.ts'

interface Request {
  promise?: Promise<unknown>
  oncomplete?: ((...args: unknown[]) => void) | undefined
  ondone?: ((...args: unknown[]) => void) | undefined
}

/** A stream of zlib has its input here for as long as a thread works at it. */
interface ZlibHandle { buffer?: unknown }

export class RealWork {
  readonly #scopes: Scopes
  readonly #wake: () => void
  readonly #zlib = new Set<ZlibHandle>()
  readonly #what = new Map<object, string>()

  /** `wake` is called when something has ended. */
  constructor(scopes: Scopes, wake: () => void) {
    this.#scopes = scopes
    this.#wake = wake
  }

  /** For async_hooks: a resource is being made. What says that it has ended is put in place by whoever makes it, just after. */
  made(type: string, resource: object): void {
    if (type === 'ZLIB') {
      if (this.#scopes.getStore() !== undefined) this.#zlib.add(resource)
    } else if (type.startsWith('FSREQ') || type.endsWith('REQUEST')) {
      if (this.#scopes.getStore() !== undefined) queueMicrotask(() => { this.#follow(type, resource) })
    }
  }

  patch(patches: Patches): void {
    const follow = <T>(promise: Promise<T>, what: string): Promise<T> =>
      this.#scopes.getStore() === undefined ? promise : this.until(promise, what)
    const { WebAssembly: wasm } = globalThis as unknown as { WebAssembly: object }
    for (const name of ['compile', 'instantiate'] as const) {
      patches.method(wasm, name, (original: (...args: unknown[]) => Promise<unknown>) =>
        (...args: unknown[]) => follow(original(...args), `WebAssembly.${name}`))
    }
  }

  /** Time stands still until the promise is settled. */
  until<T>(promise: Promise<T>, what: string): Promise<T> {
    const key = {}
    this.#what.set(key, what)
    const end = (): void => {
      this.#what.delete(key)
      this.#wake()
    }
    promise.then(end, end)
    return promise
  }

  get pending(): boolean {
    if (this.#what.size > 0) return true
    for (const { buffer } of this.#zlib) if (buffer !== null && buffer !== undefined) return true
    return false
  }

  describe(): string[] {
    return [...this.#what.values()]
  }

  #follow(type: string, resource: Request): void {
    const { promise, oncomplete, ondone } = resource
    const key = {}
    const end = (): void => {
      this.#what.delete(key)
      this.#wake()
    }
    if (promise instanceof Promise) {
      promise.then(end, end)
    } else if (typeof oncomplete === 'function') {
      resource.oncomplete = function (this: unknown, ...args) {
        end()
        oncomplete.apply(this, args)
      }
    } else if (typeof ondone === 'function') {
      resource.ondone = function (this: unknown, ...args) {
        end()
        ondone.apply(this, args)
      }
    } else return
    this.#what.set(key, type)
  }
}

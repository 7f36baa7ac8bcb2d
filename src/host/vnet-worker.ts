/**
 * A worker thread with Vnets of its own: its driver, devices, pool and clock are the thread's, and nothing is shared with
 * this one but the ring cables that join their Vnets.
 *
 *   const [left, right] = createRingCable()
 *   const worker = new VnetWorker({
 *     cables: { right },
 *     vnets: [{
 *       name: 'b', services: [{ name: 'echo' }],
 *       interfaces: [{ name: 'eth0', cable: 'right', addresses: ['10.0.0.2/24'] }],
 *     }],
 *   })
 *   await worker.ready
 */

import { EventEmitter } from 'node:events'
import { Worker } from 'node:worker_threads'
import { unplugRing } from './ring-cable.ts'
import type { RingEnd } from './ring-cable.ts'
import type { MovedVnet } from './vnet-move.ts'
import type { WorkerVnetConfig } from './vnet-worker-config.ts'
import type { WorkerAsk, WorkerSays, WorkerStart } from './vnet-worker-entry.ts'

export interface VnetWorkerOptions {
  /** Vnets that the worker makes. */
  vnets?: readonly WorkerVnetConfig[]
  /** URL of a module whose exported function `startVnets(side: WorkerSide)` makes Vnets; what it returns can be called. */
  module?: string | URL
  /** For the module; plain data. */
  data?: unknown
  /** Ends of ring cables, by names of their own. They are unplugged when the thread ends. */
  cables?: Readonly<Record<string, RingEnd>>
  /** Flags of Node's for the thread (default: those of this process). */
  execArgv?: readonly string[]
}

/** How long connections may take to end when a worker is closed. */
const GRACE_MS = 1000

interface Pending {
  readonly resolve: (result: unknown) => void
  readonly reject: (error: unknown) => void
}

type Question<T> = T extends { id: number } ? Omit<T, 'id'> : never

/** Emits 'message' with what its module posts, 'error' when the thread fails, and 'exit' when it has ended. */
export class VnetWorker extends EventEmitter {
  /** The names of its Vnets, once they stand; rejects where they do not. */
  readonly ready: Promise<readonly string[]>
  readonly #worker: Worker
  readonly #ends = new Set<RingEnd>()
  readonly #pending = new Map<number, Pending>()
  #nextId = 1
  #ended = false
  #error: unknown = null

  constructor(options: VnetWorkerOptions = {}) {
    super()
    const { cables = {}, vnets = [], data = null, module = '' } = options
    for (const end of Object.values(cables)) this.#ends.add(end)
    const start: WorkerStart = { vimageWorker: true, module: String(module), data, cables, vnets }
    // beside this file, as source or built
    const entry = new URL(`./vnet-worker-entry${import.meta.url.slice(-3)}`, import.meta.url)
    this.#worker = new Worker(entry, {
      workerData: start, ...(options.execArgv === undefined ? {} : { execArgv: [...options.execArgv] }),
    })
    this.ready = new Promise((resolve, reject) => {
      this.#pending.set(0, { resolve: (names) => { resolve(names as readonly string[]) }, reject })
    })
    this.#worker.on('message', (words: WorkerSays) => { this.#hear(words) })
    this.#worker.on('error', (error) => { this.#error = error })
    this.#worker.on('exit', () => { this.#exit() })
  }

  /** To the module's `onMessage`. */
  post(data: unknown): void {
    this.#worker.postMessage({ kind: 'message', data } satisfies WorkerAsk)
  }

  /** Calls a function that the module's `startVnets` returned; arguments and result are cloned. */
  call(name: string, ...args: unknown[]): Promise<unknown> {
    return this.#ask({ kind: 'call', name, args })
  }

  /** Takes a Vnet out of the worker, connections and all, for `placeVnet` or another worker's `place`. */
  async take(name: string): Promise<MovedVnet> {
    const moved = await this.#ask({ kind: 'take', name }) as MovedVnet
    for (const end of Object.values(moved.cables)) this.#forget(end)
    return moved
  }

  /** Gives the worker a Vnet that was taken (`takeVnet`, or another worker's `take`). Resolves to its name. */
  async place(moved: MovedVnet): Promise<string> {
    const name = await this.#ask({ kind: 'place', moved }) as string
    for (const end of Object.values(moved.cables)) this.#ends.add(end)
    return name
  }

  /** Lets connections end, for a second by default, closes its devices and ends the thread. */
  async close(graceMs: number = GRACE_MS): Promise<void> {
    if (this.#ended) return
    const exited = new Promise((resolve) => { this.#worker.once('exit', resolve) })
    await this.#ask({ kind: 'close', graceMs })
    await exited
  }

  /** Ends the thread at once. Its cables are unplugged. */
  async terminate(): Promise<void> {
    await this.#worker.terminate()
  }

  /** This worker does not keep the process alive. */
  unref(): this {
    this.#worker.unref()
    return this
  }

  #ask(question: Question<WorkerAsk>): Promise<unknown> {
    if (this.#ended) return Promise.reject(new Error('the worker has ended'))
    const id = this.#nextId++
    return new Promise((resolve, reject) => {
      this.#worker.postMessage({ ...question, id })
      this.#pending.set(id, { resolve, reject })
    })
  }

  #hear(words: WorkerSays): void {
    if (words.kind === 'message') this.emit('message', words.data)
    else if (words.kind === 'ready') this.#settle(0).resolve(words.names)
    else if (words.kind === 'answer') this.#settle(words.id).resolve(words.result)
    else this.#settle(words.id).reject(words.error)
  }

  #settle(id: number): Pending {
    const pending = this.#pending.get(id)
    if (pending === undefined) throw new Error(`the worker answers ${id}, which nobody has asked`)
    this.#pending.delete(id)
    return pending
  }

  /** What it was asked and did not answer has failed; the other ends of its cables hear of it. */
  #exit(): void {
    this.#ended = true
    for (const end of this.#ends) unplugRing(end)
    const asked = [...this.#pending.values()]
    this.#pending.clear()
    for (const { reject } of asked) reject(this.#error ?? new Error('the worker has ended'))
    // whoever waits for an answer has heard of it
    if (this.#error !== null && asked.length === 0) this.emit('error', this.#error)
    this.emit('exit')
  }

  /** The end comes back as a copy. */
  #forget({ id, side }: RingEnd): void {
    for (const end of this.#ends) if (end.id === id && end.side === side) this.#ends.delete(end)
  }
}

/** What runs in the thread of a VnetWorker: a driver, its Vnets, and the answers to what the other side asks. */

import { parentPort, workerData } from 'node:worker_threads'
import type { MessagePort } from 'node:worker_threads'
import { Driver } from './driver.ts'
import type { RingEnd } from './ring-cable.ts'
import { placeVnet, takeVnet } from './vnet-move.ts'
import type { MovedVnet, PlacedVnet } from './vnet-move.ts'
import { buildWorkerVnet } from './vnet-worker-config.ts'
import type { WorkerVnetConfig } from './vnet-worker-config.ts'

/** What a thread is started with. */
export interface WorkerStart {
  readonly vimageWorker: true
  /** URL of the user's module; '' for none. */
  readonly module: string
  readonly data: unknown
  readonly cables: Readonly<Record<string, RingEnd>>
  readonly vnets: readonly WorkerVnetConfig[]
}

/** What the thread is asked; each question is answered with its id. */
export type WorkerAsk =
  | { readonly kind: 'message'; readonly data: unknown }
  | { readonly kind: 'take'; readonly id: number; readonly name: string }
  | { readonly kind: 'place'; readonly id: number; readonly moved: MovedVnet }
  | { readonly kind: 'call'; readonly id: number; readonly name: string; readonly args: readonly unknown[] }
  | { readonly kind: 'close'; readonly id: number; readonly graceMs: number }

export type WorkerSays =
  | { readonly kind: 'ready'; readonly names: readonly string[] }
  | { readonly kind: 'message'; readonly data: unknown }
  | { readonly kind: 'answer'; readonly id: number; readonly result: unknown }
  | { readonly kind: 'failure'; readonly id: number; readonly error: unknown }

/** Functions of the user's module that VnetWorker.call reaches. */
export type WorkerCalls = Readonly<Record<string, (...args: never[]) => unknown>>

/** The worker as the user's module sees it: its exported `startVnets` is called with it. */
export class WorkerSide {
  readonly driver = new Driver()
  /** By name: those of the configuration, and those that were moved here. Others belong to the module alone. */
  readonly vnets = new Map<string, PlacedVnet>()
  readonly cables: Readonly<Record<string, RingEnd>>
  readonly data: unknown
  /** Takes what VnetWorker.post sends. */
  onMessage: (data: unknown) => void = ignore
  /** Before the driver is closed. */
  onClose: () => unknown = ignore
  readonly #port: MessagePort
  #calls: WorkerCalls = {}

  constructor(port: MessagePort, { cables, data }: WorkerStart) {
    this.#port = port
    this.cables = cables
    this.data = data
  }

  /** To the VnetWorker, which emits it as 'message'. */
  post(data: unknown): void {
    this.say({ kind: 'message', data })
  }

  /** @internal */
  say(words: WorkerSays): void {
    this.#port.postMessage(words)
  }

  /** @internal */
  async start({ module, vnets }: WorkerStart): Promise<void> {
    for (const config of vnets) this.vnets.set(config.name, buildWorkerVnet(this.driver, config, this.cables))
    if (module !== '') {
      const { startVnets } = await import(module) as { startVnets?: (side: WorkerSide) => unknown }
      if (typeof startVnets !== 'function') throw new TypeError(`${module} exports no function startVnets`)
      this.#calls = (await startVnets(this) ?? {}) as WorkerCalls
    }
    this.#port.on('message', (ask: WorkerAsk) => { void this.#hear(ask) })
    this.say({ kind: 'ready', names: [...this.vnets.keys()] })
  }

  async #hear(ask: WorkerAsk): Promise<void> {
    if (ask.kind === 'message') {
      this.onMessage(ask.data)
      return
    }
    try {
      this.say({ kind: 'answer', id: ask.id, result: await this.#answer(ask) })
      if (ask.kind === 'close') this.#port.close()
    } catch (error) {
      this.say({ kind: 'failure', id: ask.id, error })
    }
  }

  #answer(ask: Exclude<WorkerAsk, { kind: 'message' }>): unknown {
    switch (ask.kind) {
      case 'take': {
        const placed = this.vnets.get(ask.name)
        if (placed === undefined) throw new RangeError(`the worker has no vnet "${ask.name}"`)
        const moved = takeVnet(placed)
        this.vnets.delete(ask.name)
        return moved
      }
      case 'place': return this.#place(ask.moved)
      case 'call':
        if (!Object.hasOwn(this.#calls, ask.name)) throw new RangeError(`the worker's module has no function "${ask.name}"`)
        return this.#calls[ask.name](...ask.args as never[])
      case 'close': return this.#close(ask.graceMs)
    }
  }

  #place(moved: MovedVnet): string {
    const placed = placeVnet(this.driver, moved)
    const { name } = placed.host.vnet
    this.vnets.set(name, placed)
    return name
  }

  async #close(graceMs: number): Promise<void> {
    await this.onClose()
    await Promise.all([...this.vnets.values()].map(({ vimage }) => vimage.stop(graceMs)))
    this.driver.close()
  }
}

function ignore(): void {
  // nobody listens
}

/** In a test's thread, or where somebody lists the modules, this is only a module. */
async function run(): Promise<void> {
  const start = workerData as WorkerStart | null
  if (parentPort !== null && start?.vimageWorker === true) await new WorkerSide(parentPort, start).start(start)
}

await run()

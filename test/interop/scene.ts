/**
 * The stage of an interop scenario: a driver, Vnets on TAPs with the kernel at the other end, kernel namespaces, and
 * programs run in them. Everything is closed by `Scene.close`, which also checks what must hold between any two events.
 *
 * TAP number n is 10.66.n.0/24: the kernel is .1, the Vnet is .2. It all lives in the namespace of the test's child.
 */

import { spawn, spawnSync } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Device } from '../../src/device/device.ts'
import { Driver } from '../../src/host/driver.ts'
import type { VnetHost } from '../../src/host/vnet-host.ts'
import { openTap } from '../../src/host/tap.ts'
import type { TapDevice } from '../../src/host/tap.ts'
import { routeAdd } from '../../src/ip/route.ts'
import { addrParse, ip4Parse, ip4ParsePrefix } from '../../src/lib/addr.ts'
import type { Addr, Ip4 } from '../../src/lib/addr.ts'
import { ifAddAddr } from '../../src/link/ifnet.ts'
import { BsdSockets } from '../../src/socket/bsd.ts'
import { sysctlSet } from '../../src/vnet/sysctl.ts'
import { assertPlain } from '../support/plain.ts'

export interface Ran { status: number; stdout: string; stderr: string }

export interface TapOptions {
  offload?: boolean
  mtu?: number
  /** Puts a wrapper around the TAP. */
  wrap?: (tap: TapDevice, driver: Driver) => Device
}

/** A Vnet on a TAP whose other end the kernel of this namespace has. */
export interface Net {
  scene: Scene
  host: VnetHost
  sockets: BsdSockets
  tap: TapDevice
  ifId: number
  /** Addresses. */
  kernel: string
  vnet: string
}

export class Scene {
  readonly driver = new Driver()
  readonly #taps: TapDevice[] = []
  readonly #hosts: VnetHost[] = []
  readonly #links: string[] = []
  readonly #children = new Set<ChildProcess>()

  /** TAP number n, up, its kernel end without an address. */
  async tap(n: number, options: TapOptions = {}): Promise<TapDevice> {
    const { offload = false, mtu = 1500 } = options
    // what impairs a link does so to single segments
    const merge = options.wrap === undefined
    const tap = openTap({ name: `vi${n}`, pool: this.driver.pool, offload, mtu, merge, mode: 'create' })
    this.#taps.push(tap)
    tap.tap.setUp(true)
    return tap
  }

  /** A TAP that stays while programs open and close it, up, with an address of the kernel's. It ends with the scene. */
  async stayingTap(name: string, prefix: string): Promise<void> {
    this.#links.push(name)
    await this.ok('ip', 'tuntap', 'add', 'dev', name, 'mode', 'tap')
    await this.ok('ip', 'addr', 'add', prefix, 'dev', name)
    await this.ok('ip', 'link', 'set', name, 'up')
  }

  host(name: string): VnetHost {
    const host = this.driver.addVnet({ name })
    this.#hosts.push(host)
    return host
  }

  /** A Vnet on TAP number n and the kernel, with addresses, able to talk. */
  async net(n: number, options: TapOptions = {}): Promise<Net> {
    const tap = await this.tap(n, options)
    const [kernel, vnet] = [`10.66.${n}.1`, `10.66.${n}.2`]
    await this.ok('ip', 'addr', 'add', `${kernel}/24`, 'dev', tap.name)
    const host = this.host(`v${n}`)
    const ifId = host.attach(options.wrap?.(tap, this.driver) ?? tap, 'eth0')
    addAddress(host, ifId, `${vnet}/24`)
    await this.until(() => tap.tap.running, 'the TAP has no carrier')
    return { scene: this, host, sockets: new BsdSockets(host), tap, ifId, kernel, vnet }
  }

  /** A kernel namespace: the words that put a command into it. It ends with the scene. */
  async namespace(): Promise<string[]> {
    const child = spawn('unshare', ['--net', '--', 'sh', '-c', 'ip link set lo up && echo up && exec sleep 300'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    this.#children.add(child)
    await new Promise((resolve) => child.stdout.once('data', resolve))
    return ['nsenter', `--net=/proc/${child.pid}/ns/net`, '--']
  }

  /** Moves a TAP's kernel end into a namespace made by `namespace`, with an address and perhaps a default route. */
  async move(tap: TapDevice, into: string[], prefix: string, gateway = ''): Promise<void> {
    await this.ok('ip', 'link', 'set', tap.name, 'netns', into[1]?.replace(/\D+/g, '') ?? '')
    await this.ok(...into, 'ip', 'addr', 'add', prefix, 'dev', tap.name)
    await this.ok(...into, 'ip', 'link', 'set', tap.name, 'up')
    if (gateway !== '') await this.ok(...into, 'ip', 'route', 'add', 'default', 'via', gateway)
  }

  /** A program that runs until the scene ends; resolves when its output has `ready` in it. */
  async start(ready: string, ...command: string[]): Promise<ChildProcess> {
    const child = spawn(command[0] ?? '', command.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] })
    this.#children.add(child)
    let seen = ''
    const note = (chunk: Buffer): void => { seen += chunk }
    child.stdout.on('data', note)
    child.stderr.on('data', note)
    const complaint = (): string => `${command.join(' ')}: not ready: ${seen}`
    await this.until(() => seen.includes(ready) || child.exitCode !== null, complaint, START_LIMIT_MS)
    if (child.exitCode !== null) throw new Error(`${command.join(' ')} ended: ${seen}`)
    return child
  }

  /** Runs a program to its end (at most `RUN_LIMIT_MS`) while the Vnets go on. */
  run(...command: string[]): Promise<Ran> {
    const child = spawn(command[0] ?? '', command.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] })
    this.#children.add(child)
    const ran: Ran = { status: -1, stdout: '', stderr: '' }
    child.stdout.on('data', (chunk: Buffer) => { ran.stdout += chunk })
    child.stderr.on('data', (chunk: Buffer) => { ran.stderr += chunk })
    const timer = setTimeout(() => child.kill('SIGKILL'), RUN_LIMIT_MS)
    return new Promise((resolve, reject) => {
      child.once('error', reject)
      child.once('close', (status) => {
        clearTimeout(timer)
        this.#children.delete(child)
        ran.status = status ?? -1
        resolve(ran)
      })
    })
  }

  /** As `run`, but the program must succeed. */
  async ok(...command: string[]): Promise<string> {
    const { status, stdout, stderr } = await this.run(...command)
    if (status !== 0) throw new Error(`${command.join(' ')}: exit ${status}: ${stderr}${stdout}`)
    return stdout
  }

  /** Waits for something that takes the kernel or a program a moment. */
  async until(what: () => boolean, complaint: string | (() => string), limitMs = 5000): Promise<void> {
    for (const end = performance.now() + limitMs; !what(); await sleep(5)) {
      if (performance.now() > end) throw new Error(typeof complaint === 'string' ? complaint : complaint())
    }
  }

  /** Ends programs and namespaces, removes the TAPs. Throws where a Vnet is not as it must be between events. */
  async close(): Promise<void> {
    for (const child of this.#children) child.kill('SIGKILL')
    const found: string[] = []
    try {
      for (const host of this.#hosts) assertPlain(host.vnet.state, this.driver.pool, host.vnet.name)
      if (this.driver.pool.inUse !== 0) found.push(`${this.driver.pool.inUse} frames are still lent`)
    } finally {
      this.driver.close()
      for (const tap of this.#taps) tap.close()
      for (const name of this.#links) spawnSync('ip', ['link', 'del', name])
    }
    if (found.length > 0) throw new Error(found.join('; '))
  }
}

const RUN_LIMIT_MS = 60_000
const START_LIMIT_MS = 30_000

/** Runs a scenario on a stage of its own. */
export async function onStage<T>(body: (scene: Scene) => Promise<T>): Promise<T> {
  const scene = new Scene()
  let result: T
  try {
    result = await body(scene)
  } catch (error) {
    // what went wrong first is the news
    await scene.close().catch(() => undefined)
    throw error
  }
  await scene.close()
  return result
}

/** Gives an interface of a Vnet an address as "10.66.0.2/24". */
export function addAddress(host: VnetHost, ifId: number, prefix: string, probe = false): void {
  const [address = '', length = '24'] = prefix.split('/')
  host.vnet.setNow(host.now())
  const errno = ifAddAddr(host.vnet.vn, ifId, addr(address), Number(length), { probe })
  host.kick()
  if (errno !== 0) throw new Error(`cannot add ${prefix}: errno ${errno}`)
}

/** Adds a route of a Vnet, "0.0.0.0/0" for the default. */
export function addRoute(host: VnetHost, prefix: string, gateway: string): void {
  const to = ip4ParsePrefix(prefix)
  if (to === null) throw new Error(`${prefix} is no prefix`)
  const errno = routeAdd(host.vnet.vn, to.ip, to.prefixLen, ip4(gateway), 0, 0)
  if (errno !== 0) throw new Error(`cannot add a route to ${prefix}: errno ${errno}`)
}

export function setSysctl(host: VnetHost, name: string, value: number): void {
  const errno = sysctlSet(host.vnet.state, name, String(value))
  if (errno !== 0) throw new Error(`sysctl ${name}=${value}: errno ${errno}`)
}

export function addr(text: string): Addr {
  const parsed = addrParse(text)
  if (parsed === null) throw new Error(`${text} is no address`)
  return parsed
}

export function ip4(text: string): Ip4 {
  const parsed = ip4Parse(text)
  if (parsed === null) throw new Error(`${text} is no address`)
  return parsed
}

/** The counters that are not as they were: to be compared or shown. */
export function changed(stats: object, before: Record<string, number> = {}): Record<string, number> {
  const all = Object.entries(stats as Record<string, number>)
  return Object.fromEntries(all.map(([name, n]) => [name, n - (before[name] ?? 0)] as const).filter(([, n]) => n !== 0))
}

/** The code of the error that `fn` throws or rejects with, or ''. */
export async function codeOf(fn: () => unknown): Promise<string> {
  try {
    await fn()
    return ''
  } catch (error) {
    return (error as { code?: string }).code ?? String(error)
  }
}

/** An event of an emitter, or null after `limitMs`. */
export function eventOf(emitter: NodeJS.EventEmitter, name: string, limitMs = 5000): Promise<unknown[] | null> {
  return new Promise((resolve) => {
    const take = (...args: unknown[]): void => {
      clearTimeout(timer)
      resolve(args)
    }
    const timer = setTimeout(() => {
      emitter.off(name, take)
      resolve(null)
    }, limitMs)
    emitter.once(name, take)
  })
}

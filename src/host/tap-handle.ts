/**
 * One open TAP and the kernel's end of it: the thin, typed surface over the addon's integers.
 */

import { readFileSync, writeFileSync } from 'node:fs'
import type { Ip4, Mac } from '../lib/addr.ts'
import { ip4Mask, macParse } from '../lib/addr.ts'
import {
  IFF_NAPI, IFF_PERSIST, IFF_RUNNING, IFF_UP, IFF_VNET_HDR, loadNative, NETIF_FLAGS, NETIF_INDEX, NETIF_MTU, NETIF_TXQUEUELEN,
  NETIF_UP, TAP_ATTACH_ONLY, TAP_CARRIER, TAP_CREATE_ONLY, TAP_NAPI, TAP_OWNER, TAP_PERSIST, TAP_VNET_HDR,
} from './native.ts'
import type { Native, TapInfo } from './native.ts'
import { explainTapError } from './tap-error.ts'

export interface TapOpenOptions {
  /** Interface name of at most 15 characters; "%d" in it is replaced by the kernel. Default "vimage%d". */
  name?: string
  /** A descriptor opened by somebody else; taken over, `name` is then ignored. */
  fd?: number
  /** Exchange super-segments and unfinished checksums with the kernel (virtio header). Default false. */
  offload?: boolean
  /**
   * The kernel receives what we write in a thread of its own, which merges segments as it goes, instead of within our system
   * call. With a core to spare and without offload more gets through; a round trip takes longer (bench/README.md). Needs /sys
   * of this namespace, the right to write it, and Linux 5.12; without these the TAP is opened as ever. Default false.
   */
  threaded?: boolean
  /** 'attach': only one that is there; 'create': only a new one; default: whichever it is. */
  mode?: 'attach' | 'create' | 'any'
}

/** Opens a TAP; throws an Error with `code`, `syscall`, `path` that says what to do. */
export function openTapHandle(options: TapOpenOptions = {}): TapHandle {
  const loaded = loadNative()
  if (!loaded.available) throw Object.assign(new Error(loaded.why), { code: 'ENOTSUP', syscall: 'tapOpen' })
  const name = options.fd === undefined ? options.name ?? 'vimage%d' : `fd ${options.fd}`
  try {
    if (options.fd !== undefined) return new TapHandle(loaded.native, loaded.native.tapAttachFd(options.fd))
    if (options.threaded === true) {
      const tap = new TapHandle(loaded.native, loaded.native.tapOpen(name, openFlags(options) | TAP_NAPI))
      // NAPI within our system call would cost more than it saves
      if (startThread(tap)) return tap
      tap.close()
    }
    return new TapHandle(loaded.native, loaded.native.tapOpen(name, openFlags(options)))
  } catch (error) {
    throw explainTapError(error, name)
  }
}

/** Linux Documentation/networking/napi.rst, "Threaded NAPI"; false where that cannot be had. */
function startThread(tap: TapHandle): boolean {
  const folder = `/sys/class/net/${tap.name}`
  try {
    // /sys may be that of another namespace, with another interface of this name
    if (macParse(readFileSync(`${folder}/address`, 'utf8').trim()) !== tap.kernelMac) return false
    writeFileSync(`${folder}/threaded`, '1')
    return true
  } catch {
    return false
  }
}

function openFlags(options: TapOpenOptions): number {
  const mode = options.mode === 'attach' ? TAP_ATTACH_ONLY : options.mode === 'create' ? TAP_CREATE_ONLY : 0
  return mode | (options.offload === true ? TAP_VNET_HDR : 0)
}

/**
 * Getters and setters address the kernel's end by name, in this thread's network namespace: for a descriptor that came
 * from another namespace only carrier, persistence and the frames themselves work.
 */
export class TapHandle {
  readonly native: Native
  readonly handle: number
  readonly fd: number
  /** True when the interface outlives this descriptor: somebody else made it. */
  readonly persistent: boolean
  readonly offload: boolean
  readonly threaded: boolean
  private ifName: string
  private open = true

  constructor(native: Native, info: TapInfo) {
    this.native = native
    this.handle = info.handle
    this.fd = info.fd
    this.ifName = info.name
    this.persistent = (info.flags & IFF_PERSIST) !== 0
    this.offload = (info.flags & IFF_VNET_HDR) !== 0
    this.threaded = (info.flags & IFF_NAPI) !== 0
  }

  get name(): string {
    return this.ifName
  }

  get closed(): boolean {
    return !this.open
  }

  /** Asks the kernel for the name again; it changes when somebody renames the interface. */
  refreshName(): string {
    this.ifName = this.native.tapInfo(this.handle).name
    return this.ifName
  }

  get ifIndex(): number {
    return this.native.netifGet(this.ifName, NETIF_INDEX)
  }

  get mtu(): number {
    return this.native.netifGet(this.ifName, NETIF_MTU)
  }

  setMtu(mtu: number): void {
    this.native.netifSet(this.ifName, NETIF_MTU, mtu)
  }

  /** Hardware address of the kernel's end; a stack at this end needs another. */
  get kernelMac(): Mac {
    return this.native.netifGetMac(this.ifName)
  }

  setKernelMac(mac: Mac): void {
    this.native.netifSetMac(this.ifName, mac)
  }

  get up(): boolean {
    return (this.native.netifGet(this.ifName, NETIF_FLAGS) & IFF_UP) !== 0
  }

  /** Up and with carrier. */
  get running(): boolean {
    return (this.native.netifGet(this.ifName, NETIF_FLAGS) & IFF_RUNNING) !== 0
  }

  setUp(up: boolean): void {
    this.native.netifSet(this.ifName, NETIF_UP, up ? 1 : 0)
  }

  /** The kernel's own IPv4 address on this interface. */
  setKernelAddress(ip: Ip4, prefixLen: number): void {
    this.native.netifSetAddress(this.ifName, ip, ip4Mask(prefixLen))
  }

  get txQueueLen(): number {
    return this.native.netifGet(this.ifName, NETIF_TXQUEUELEN)
  }

  /** How many frames the kernel keeps for us before it drops. */
  setTxQueueLen(frames: number): void {
    this.native.netifSet(this.ifName, NETIF_TXQUEUELEN, frames)
  }

  /** The cable, as the kernel sees it. */
  setCarrier(on: boolean): void {
    this.native.tapSet(this.handle, TAP_CARRIER, on ? 1 : 0)
  }

  setPersist(on: boolean): void {
    this.native.tapSet(this.handle, TAP_PERSIST, on ? 1 : 0)
  }

  /** Lets an ordinary user attach this (persistent) interface. */
  setOwner(uid: number): void {
    this.native.tapSet(this.handle, TAP_OWNER, uid)
  }

  pollStart(callback: (status: number) => void): void {
    this.native.pollStart(this.handle, callback)
  }

  pollStop(): void {
    if (this.open) this.native.pollStop(this.handle)
  }

  ref(): void {
    if (this.open) this.native.pollRef(this.handle, 1)
  }

  /** From now on waiting for frames does not keep the process alive. */
  unref(): void {
    if (this.open) this.native.pollRef(this.handle, 0)
  }

  /** Closes the descriptor; an interface that was made by opening it is gone. Closing twice is harmless. */
  close(): void {
    this.open = false
    this.native.tapClose(this.handle)
  }
}

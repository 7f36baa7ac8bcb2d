/**
 * The native addon (native/): loading it, and its functions as TypeScript sees them.
 *
 * Everything in `Native` takes and gives small integers; src/host/tap-handle.ts is the surface meant for use.
 */

import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

/** tapOpen: frames carry a 10-octet virtio header and may be offloaded super-segments. */
export const TAP_VNET_HDR = 1
/** tapOpen: ENODEV unless the interface is there already. */
export const TAP_ATTACH_ONLY = 2
/** tapOpen: EBUSY when the interface is there already. */
export const TAP_CREATE_ONLY = 4
/** tapOpen: what we write is received through NAPI, whose work may be a kernel thread's. */
export const TAP_NAPI = 8

/** Bits of `TapInfo.flags` (linux/if_tun.h): NAPI; lives on after its descriptor is closed; virtio header in front. */
export const IFF_NAPI = 0x0010
export const IFF_PERSIST = 0x0800
export const IFF_VNET_HDR = 0x4000

export const TAP_CARRIER = 0
export const TAP_PERSIST = 1
export const TAP_OWNER = 2
export const TAP_SNDBUF = 3

export const NETIF_INDEX = 0
export const NETIF_MTU = 1
export const NETIF_FLAGS = 2
export const NETIF_TXQUEUELEN = 3
export const NETIF_UP = 4

/** Bits of netifGet(name, NETIF_FLAGS) (net/if.h). */
export const IFF_UP = 0x1
export const IFF_RUNNING = 0x40

/** Words of one record in a batch: array id, offset, length or capacity, result. */
export const RECORD_WORDS = 4
/** In a read's result word: the frame is in the next large slot. */
export const RESULT_LARGE = 0x1000000
/**
 * In a read's result word, above the length: TCP segments that were put together. The other words of the record are then: room that they
 * lie in | frames << MERGED_FRAMES_SHIFT, offset of the TCP header, payload of a segment.
 */
export const RESULT_MERGED = 0x2000000
export const MERGED_FRAMES_SHIFT = 8
/** In a read's result word: a TCP segment whose sums were verified. */
export const RESULT_SUMMED = 0x4000000
/** In the result word before a write: the frame goes on in the next record. */
export const PART_MORE = 0x10000
/**
 * In the result word before a write: a TCP super-segment, to be cut into frames. The next record says how (payload of a
 * segment, offsets of the IP and TCP headers as l3 | l4 << 16, length of all headers); its result is how many were taken.
 * PART_CUT + n: these are the headers alone, and the payload is in the n records behind that, `cutParts` at most.
 */
export const PART_CUT = 0x20000

export interface TapInfo {
  handle: number
  fd: number
  name: string
  /** IFF_* as the kernel reports them. */
  flags: number
}

/** Functions throw an Error with `code`, `errno`, `syscall` and, where it applies, `path`. */
export interface Native {
  /** Longest headers of a super-segment that writeBatch cuts; none in an addon that was built before it could. */
  cutHeaders?: number
  /** Places in which the payload of a super-segment that writeBatch cuts may lie; none in an addon from before. */
  cutParts?: number
  /** From this array number on writeBatch means its own list, by index; none in an addon that was built before it could. */
  lentBase?: number
  /** Rooms that readBatch puts segments together in, at most; none in an addon that was built before it could. */
  mergeRooms?: number
  tapOpen(name: string, flags: number): TapInfo
  tapAttachFd(fd: number): TapInfo
  tapInfo(handle: number): TapInfo
  tapSet(handle: number, what: number, value: number): void
  tapClose(handle: number): void
  netifGet(name: string, what: number): number
  netifSet(name: string, what: number, value: number): void
  netifGetMac(name: string): number
  netifSetMac(name: string, mac: number): void
  netifSetAddress(name: string, ip: number, mask: number): void
  registerArray(array: Uint8Array | Uint32Array): number
  unregisterArray(id: number): void
  /**
   * Frames read into records[0…small), long ones moved to the next of the `large` that follow; or -errno. TCP segments that follow
   * each other are put together in the `rooms` records behind those, where there are any, and are one frame then.
   */
  readBatch(handle: number, records: number, small: number, large: number, rooms?: number): number
  /** Records dealt with of records[from…from+count), fewer after EAGAIN; or -errno when the device is gone. */
  writeBatch(handle: number, records: number, from: number, count: number, lent?: readonly Uint8Array[]): number
  /** Frames that writeBatch hands to the kernel in one call, through an io_uring: 1 without. None in an addon from before. */
  writesTogether?(): number
  /** Calls back with 0 whenever frames wait, with -errno once when the device failed. */
  pollStart(handle: number, callback: (status: number) => void): void
  pollStop(handle: number): void
  pollRef(handle: number, on: number): void
}

export type NativeResult = { available: true; native: Native } | { available: false; why: string }

/** The addon, or one sentence on why there is none. Each call asks Node's module cache; keep the result. */
export function loadNative(): NativeResult {
  if (process.platform !== 'linux') {
    return { available: false, why: `TAP devices need Linux and this is ${process.platform}; everything else works.` }
  }
  const path = addonPath()
  if (!existsSync(path)) {
    return {
      available: false,
      why: 'TAP devices need the native addon, which was not built: '
        + 'install a C compiler, make and python3 and run "npm rebuild"; everything else works.',
    }
  }
  try {
    return { available: true, native: createRequire(import.meta.url)(path) as Native }
  } catch (error) {
    const said = error instanceof Error ? error.message.split('\n')[0] : String(error)
    return {
      available: false,
      why: `TAP devices need the native addon, which does not load (${said}): `
        + 'run "npm rebuild"; everything else works.',
    }
  }
}

/** src/host and dist/host are equally deep below the package root. */
function addonPath(): string {
  return fileURLToPath(new URL('../../build/Release/vimage.node', import.meta.url))
}

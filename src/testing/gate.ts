/** A device between a host and its cable that keeps apart what a partition separates. */

import { WrappedDevice } from '../device/wrapped.ts'
import type { Device } from '../device/device.ts'
import { addrPrint, createAddr, ip4Print } from '../lib/addr.ts'
import { addr6Read } from '../lib/addr6.ts'
import type { Frame } from '../lib/frame.ts'
import { ETHER_HDR_LEN, ETHER_TYPE, ETHERTYPE_IP, ETHERTYPE_IPV6 } from '../wire/ethernet.ts'
import { IP_DST, IP_SRC } from '../wire/ipv4.ts'

/** Offsets in the IPv6 header (RFC 8200 §3). */
const IP6_SRC = 8
const IP6_DST = 24

export interface GateSide {
  /** True while packets of the host at `from` do not reach the one at `to`. */
  separated(from: string, to: string): boolean
  /** False while there is no partition at all. */
  readonly partitioned: boolean
}

export class Gate extends WrappedDevice {
  readonly #side: GateSide

  constructor(inner: Device, side: GateSide) {
    super(inner)
    this.#side = side
    inner.onFrame = (f) => { if (this.#passes(f)) this.onFrame(f) }
  }

  override send(f: Frame): void {
    if (this.#passes(f)) this.inner.send(f)
  }

  #passes(f: Frame): boolean {
    if (!this.#side.partitioned || f.len < ETHER_HDR_LEN + 20) return true
    const type = f.view.getUint16(f.off + ETHER_TYPE)
    const at = f.off + ETHER_HDR_LEN
    if (type === ETHERTYPE_IP) {
      return !this.#side.separated(ip4Print(f.view.getInt32(at + IP_SRC)), ip4Print(f.view.getInt32(at + IP_DST)))
    }
    if (type !== ETHERTYPE_IPV6 || f.len < ETHER_HDR_LEN + 40) return true
    return !this.#side.separated(address6(f.view, at + IP6_SRC), address6(f.view, at + IP6_DST))
  }
}

function address6(view: DataView, at: number): string {
  const addr = createAddr()
  addr6Read(view, at, addr)
  return addrPrint(addr)
}

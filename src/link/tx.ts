/** The last step of sending: a finished frame goes to the device, a packet to ourselves comes back. */

import { TIMER_LOOP, alarmSet } from '../kern/timer.ts'
import { countDrop } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import { macRead, macWrite, macIsMulticast } from '../lib/addr.ts'
import type { Mac } from '../lib/addr.ts'
import { ENETDOWN, ENOBUFS } from '../lib/errno.ts'
import { F_BCAST, F_MCAST, frameBytes, framePush, frameRelease } from '../lib/frame.ts'
import type { Frame } from '../lib/frame.ts'
import { ETHER_DST, ETHER_HDR_LEN, ETHER_MIN_LEN, ETHER_SRC, ETHER_TYPE } from '../wire/ethernet.ts'
import { IFF_UP, IFT_ETHER, IFT_LOOP, createLoopPacket, linkStats } from './state.ts'
import type { Ifnet } from './state.ts'

/**
 * Puts a finished frame on the way out of `ifp` (vn.txq, or the loopback queue) and counts it; consumes it.
 * ENETDOWN: the interface is down. ENOBUFS: the loopback queue is full.
 */
export function txEnqueue(vn: Vn, ifp: Ifnet, f: Frame): number {
  if ((ifp.flags & IFF_UP) === 0) {
    ifp.stats.oerrors++
    countDrop(vn, linkStats(vn), 'link', 'ifdown', f)
    frameRelease(vn.pool, f)
    return ENETDOWN
  }
  ifp.stats.opackets++
  ifp.stats.obytes += f.len
  if (ifp.type === IFT_LOOP) return loopEnqueue(vn, f, 0, 0, true)
  if (ifp.type === IFT_ETHER && macIsMulticast(macRead(f.view, f.off + ETHER_DST))) ifp.stats.omcasts++
  f.ifId = ifp.id
  vn.txq.push(f)
  return 0
}

/**
 * Puts the Ethernet header in front of a packet and sends it; consumes it. Short frames are padded with zeros to the
 * 60 bytes that Ethernet asks for (RFC 894), so that a frame is the same on a TAP, on a simulated cable and in a
 * capture.
 */
export function etherOutput(vn: Vn, ifp: Ifnet, f: Frame, dst: Mac, type: number): number {
  const at = framePush(f, ETHER_HDR_LEN)
  macWrite(f.view, at + ETHER_DST, dst)
  macWrite(f.view, at + ETHER_SRC, ifp.mac)
  f.view.setUint16(at + ETHER_TYPE, type)
  if (f.len < ETHER_MIN_LEN) {
    f.slab.fill(0, at + f.len, at + ETHER_MIN_LEN)
    f.len = ETHER_MIN_LEN
  }
  return txEnqueue(vn, ifp, f)
}

/**
 * Queues a copy of the packet in `f` (f.off at the IP header) to come back in by the loopback interface, in this
 * event's wake: an event of its own, so that a stack never re-enters itself. `flags`: F_BCAST, F_MCAST or 0; with
 * one of these `ifId` is the interface that it was sent by. Consumes `f` when told.
 */
export function loopEnqueue(vn: Vn, f: Frame, ifId: number, flags: number, consume: boolean): number {
  const link = vn.state.link
  const full = link.loopQueue.length >= vn.state.sysctl['net.link.loop.maxqueue']
  if (full) countDrop(vn, linkStats(vn), 'link', 'looplimit', f)
  else {
    link.loopQueue.push(createLoopPacket(ifId, f.dst.zone, flags & (F_BCAST | F_MCAST), frameBytes(f).slice()))
    alarmSet(vn.state.timers, TIMER_LOOP, 0, link, vn.state.now)
  }
  if (consume) frameRelease(vn.pool, f)
  return full ? ENOBUFS : 0
}

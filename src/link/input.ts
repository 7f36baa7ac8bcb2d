/**
 * Frames from a device: Ethernet II (RFC 894) and IEEE 802.3 with LLC/SNAP (RFC 1042) on the way in, or bare IP
 * packets.
 */

import { arpInput } from '../arp/input.ts'
import { ipInput } from '../ip/input.ts'
import { ip6WantsMac } from '../ip6/addrs.ts'
import { ip6Input } from '../ip6/input.ts'
import { countDrop } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import { MAC_BROADCAST, macIsMulticast, macRead } from '../lib/addr.ts'
import type { Mac } from '../lib/addr.ts'
import { F_BCAST, F_MCAST, framePull } from '../lib/frame.ts'
import type { Frame } from '../lib/frame.ts'
import {
  ETHERTYPE_ARP, ETHERTYPE_IP, ETHERTYPE_IPV6, ETHER_DST, ETHER_HDR_LEN, ETHER_MAX_LEN_FIELD, ETHER_SRC, ETHER_TYPE, SNAP_HDR_LEN,
  SNAP_TYPE, isSnap,
} from '../wire/ethernet.ts'
import { ifWantsMulticast } from './multicast.ts'
import { IFF_PROMISC, IFF_UP, IFT_ETHER, linkStats } from './state.ts'
import type { Ifnet } from './state.ts'

/**
 * Takes a frame as the device delivered it; f.ifId says by which interface. Borrows the frame: its bytes are left as
 * they are and off, len and flags are put back, because a switch may hand the same frame to other stacks.
 */
export function linkInput(vn: Vn, f: Frame): void {
  const { off, len, flags, csum } = f
  const ifp = vn.state.link.ifnets.get(f.ifId)
  if (ifp === undefined) countDrop(vn, linkStats(vn), 'link', 'nointerface', f)
  else if ((ifp.flags & IFF_UP) === 0) countDrop(vn, linkStats(vn), 'link', 'ifdown', f)
  else {
    ifp.stats.ipackets++
    ifp.stats.ibytes += len
    if (ifp.type === IFT_ETHER) etherInput(vn, ifp, f)
    else if (f.len > 0 && f.view.getUint8(f.off) >>> 4 === 6 && vn.state.ip6.ifs.has(ifp.id)) ip6Input(vn, ifp, f)
    else ipInput(vn, ifp, f)
  }
  f.off = off
  f.len = len
  f.flags = flags
  f.csum = csum
}

function etherInput(vn: Vn, ifp: Ifnet, f: Frame): void {
  const stats = linkStats(vn)
  if (f.len < ETHER_HDR_LEN) {
    ifp.stats.ierrors++
    countDrop(vn, stats, 'link', 'tooshort', f)
    return
  }
  const { view, off } = f
  const dst = macRead(view, off + ETHER_DST)
  if (dst !== ifp.mac && !etherAccepts(vn, ifp, f, dst)) {
    countDrop(vn, stats, 'link', 'notforus', f)
    return
  }
  if (macIsMulticast(macRead(view, off + ETHER_SRC))) {
    ifp.stats.ierrors++
    countDrop(vn, stats, 'link', 'badsource', f)
    return
  }
  let type = view.getUint16(off + ETHER_TYPE)
  framePull(f, ETHER_HDR_LEN)
  if (type <= ETHER_MAX_LEN_FIELD) {
    // IEEE 802.3: the field is a length, the type follows in the SNAP header (RFC 1122 §2.3.3)
    if (type < SNAP_HDR_LEN || f.len < type || !isSnap(view, f.off)) {
      ifp.stats.noproto++
      countDrop(vn, stats, 'link', 'badsnap', f)
      return
    }
    f.len = type
    type = view.getUint16(f.off + SNAP_TYPE)
    framePull(f, SNAP_HDR_LEN)
  }
  if (type === ETHERTYPE_IP) ipInput(vn, ifp, f)
  else if (type === ETHERTYPE_ARP) arpInput(vn, ifp, f)
  else if (type === ETHERTYPE_IPV6 && vn.state.ip6.ifs.has(ifp.id)) ip6Input(vn, ifp, f)
  else {
    ifp.stats.noproto++
    countDrop(vn, stats, 'link', 'badtype', f)
  }
}

/** Group addresses, and everything on a promiscuous interface; tells the IP layer about broadcasts (RFC 1122 §2.4). */
function etherAccepts(vn: Vn, ifp: Ifnet, f: Frame, dst: Mac): boolean {
  if (dst === MAC_BROADCAST) {
    f.flags |= F_BCAST
    ifp.stats.imcasts++
    return true
  }
  if (macIsMulticast(dst)) {
    if ((ifp.flags & IFF_PROMISC) === 0 && !ifWantsMulticast(ifp, dst) && !ip6WantsMac(vn, ifp, dst)) return false
    f.flags |= F_MCAST
    ifp.stats.imcasts++
    return true
  }
  // What promiscuous mode lets in is for observers (devices are tapped below us): the stack itself takes only its own.
  return false
}

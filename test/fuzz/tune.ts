/** Tunables that change what a TCP does, chosen by a number. What does not exist is left out. */

import { sysctlDef, sysctlSet } from '../../src/vnet/sysctl.ts'
import type { Vnet } from '../../src/vnet/vnet.ts'

const CHOICES: readonly (readonly [string, readonly number[]])[] = [
  ['net.inet.tcp.rfc1323', [1, 1, 0]], ['net.inet.tcp.sack.enable', [1, 1, 0]],
  ['net.inet.tcp.cc.algorithm', [0, 1, 2]], ['net.inet.tcp.sendspace', [65_536, 4000, 1_000_000]],
  ['net.inet.tcp.recvspace', [65_536, 3000, 1_000_000]], ['net.inet.tcp.reass.maxqueuelen', [100, 4]],
  ['net.inet.tcp.delayed_ack', [1, 0]], ['net.inet.tcp.ecn.enable', [0, 1, 2]],
  ['net.inet.tcp.syncookies', [0, 1]], ['net.inet.tcp.syncache.cachelimit', [100, 2]],
  ['net.inet.tcp.rfc3042', [1, 0]], ['net.inet.tcp.pmtud_blackhole_detection', [0, 1]],
  ['net.inet.tcp.rack.enable', [1, 0]], ['net.inet.tcp.frto', [1, 0]], ['net.inet.tcp.eifel', [1, 1, 0]],
]

export function tuneRandomly(vnet: Vnet, pick: number): void {
  let rest = pick >>> 0
  for (const [name, values] of CHOICES) {
    if (sysctlDef(name) !== null) sysctlSet(vnet.state, name, String(values[rest % values.length]))
    rest = Math.imul(rest ^ rest >>> 15, 0x9e3779b1) + 0x7f4a7c15 >>> 0
  }
}

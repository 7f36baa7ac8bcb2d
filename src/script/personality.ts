/** Defaults that scripts assume, by the system they were written on. Names that the Vnet does not have are left out. */

import type { Vnet } from '../vnet/vnet.ts'
import { sysctlDef, sysctlSet } from '../vnet/sysctl.ts'
import { unsupported } from './error.ts'

export type Personality = 'freebsd' | 'linux'

export const PERSONALITIES: readonly Personality[] = Object.freeze(['freebsd', 'linux'])

export function personalityApply(vnet: Vnet, personality: Personality): void {
  applyAll(vnet, personalityDefaults(personality), personality)
}

function applyAll(vnet: Vnet, settings: Readonly<Record<string, number>>, personality: Personality): void {
  for (const [name, value] of Object.entries(settings)) {
    if (sysctlDef(name) === null) continue
    const errno = sysctlSet(vnet.state, name, String(value))
    if (errno !== 0) throw unsupported(`${name}=${value} (default of ${personality})`)
  }
}

/** What the common set-up of test runs changes: large buffers on Linux, and no slow start after an idle time. */
export function personalityTestDefaults(vnet: Vnet, personality: Personality): void {
  if (personality === 'linux') applyAll(vnet, LINUX_TESTS, personality)
}

export function personalityDefaults(personality: Personality): Readonly<Record<string, number>> {
  return personality === 'linux' ? LINUX : FREEBSD
}

/** FreeBSD 14, with net.inet.tcp.keepinit and friends as its manual has them. */
const FREEBSD: Readonly<Record<string, number>> = Object.freeze({
  'kern.ipc.soacceptqueue': 128,
  'kern.ipc.maxsockbuf': 2_097_152,
  'net.inet.tcp.sendspace': 32_768,
  'net.inet.tcp.recvspace': 65_536,
  'net.inet.tcp.recvbuf_max': 2_097_152,
  'net.inet.tcp.fastopen.server_enable': 0,
  'net.inet.tcp.sockbuf_round': 1,
  'net.inet.tcp.recvwin_follow': 1,
  'net.inet.tcp.keepinit': 75_000,
  'net.inet.tcp.persmin': 5000,
  'net.inet.tcp.pmtud_blackhole_detection': 0,
  // its base stack recovers by the scoreboard; RACK is a stack of its own there
  'net.inet.tcp.rack.enable': 0,
  'net.inet.tcp.frto': 0,
  'net.inet.tcp.syncache.rexmtlimit': 3,
  'net.inet.tcp.cc.abe': 0,
  'net.inet.tcp.cc.hystartplusplus': 0,
})

/** Linux 6, in this stack's tunables: the timeout is srtt + max(200 ms, 4·rttvar) there, and the first ACKs are not delayed. */
const LINUX: Readonly<Record<string, number>> = Object.freeze({
  'kern.ipc.soacceptqueue': 4096,
  'net.inet.tcp.sendspace': 2_626_560,
  'net.inet.tcp.recvspace': 65_536,
  'net.inet.tcp.recvbuf_max': 6_291_456,
  'net.inet.tcp.delacktime': 40,
  'net.inet.tcp.delack_full': 1,
  'net.inet.tcp.quickacks': 16,
  'net.inet.tcp.rexmit_min': 200,
  'net.inet.tcp.rexmit_varmin': 200,
  'net.inet.tcp.rexmit_slop': 0,
  'net.inet.tcp.rexmit_max': 120_000,
  'net.inet.tcp.retries': 15,
  'net.inet.tcp.fastopen.server_enable': 0,
  'net.inet.tcp.keepinit': 127_000,
  'net.inet.tcp.keepcnt': 9,
  'net.inet.tcp.option_order': 1,
  'net.inet.tcp.pmtud_blackhole_detection': 0,
  'net.inet.tcp.rack.max_ack_delay': 200,
  'net.inet.tcp.syncache.rexmtlimit': 5,
  'net.inet.tcp.ack_war_timewindow': 500,
  'net.inet.tcp.ack_war_cnt': 1,
  'net.inet.tcp.abc_l_var': 64,
})

const LINUX_TESTS: Readonly<Record<string, number>> = Object.freeze({
  'net.inet.tcp.recvbuf_max': 15 * 1024 * 1024,
  'net.inet.tcp.slow_start_after_idle': 0,
})

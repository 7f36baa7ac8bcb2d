/** Words for the counters of neighbour discovery. */

import type { NdStats } from './state.ts'

export const ND_STATS_TEXT: Readonly<Record<keyof NdStats, string>> = Object.freeze({
  rxsolicits: '%d neighbor solicitations received',
  rxadverts: '%d neighbor advertisements received',
  txsolicits: '%d neighbor solicitations sent',
  txadverts: '%d neighbor advertisements sent',
  txprobes: '%d solicitations of duplicate address detection sent',
  badhoplimit: '%d messages that came through a router',
  fragmented: '%d messages that came in fragments',
  badcode: '%d messages with a code other than 0',
  tooshort: '%d messages < minimum length',
  badoption: '%d messages with a bad option',
  badtarget: '%d messages with a target that cannot be',
  badsource: '%d messages with a source or destination that cannot be',
  notneighbour: '%d solicitations from an address that is not on the link',
  unsolicited: '%d advertisements about neighbours that we do not know',
  ignored: '%d messages about addresses that are not ours',
  own: '%d advertisements of our own addresses by others',
  dupaddr: '%d addresses found to be duplicates',
  loopedback: '%d of our own solicitations that came back',
  tablefull: '%d times the neighbor table was full',
  queuelimit: '%d packets dropped because too many waited',
  dropped: '%d packets dropped because the neighbor did not answer',
  timeouts: '%d neighbors that stopped answering',
  nobuf: '%d messages not sent for want of a buffer',
})

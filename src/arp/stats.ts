/** Words for ARP's counters. */

import type { ArpStats } from './state.ts'

export const ARP_STATS_TEXT: Readonly<Record<keyof ArpStats, string>> = Object.freeze({
  txrequests: '%d ARP requests sent',
  txreplies: '%d ARP replies sent',
  txprobes: '%d address probes sent',
  txannouncements: '%d address announcements sent',
  txerrors: '%d ARP packets that could not be sent',
  received: '%d ARP packets received',
  rxrequests: '%d ARP requests received',
  rxreplies: '%d ARP replies received',
  tooshort: '%d packets too short',
  badform: '%d packets for other hardware or protocols',
  badop: '%d packets with an unknown operation',
  badsender: '%d packets with an impossible sender hardware address',
  badsenderip: '%d packets with an impossible sender protocol address',
  own: '%d packets of our own that came back',
  notforus: '%d packets about others',
  dupips: '%d duplicate addresses seen',
  staticchange: '%d attempts to change a static entry',
  tablefull: '%d entries evicted or refused because the table was full',
  timeouts: '%d entries that timed out',
  suspected: '%d neighbours questioned because nothing got through to them',
  dropped: '%d packets dropped because their neighbour did not answer',
  queuelimit: '%d packets dropped because too many were waiting',
  nobuf: '%d packets not sent for want of a buffer',
})

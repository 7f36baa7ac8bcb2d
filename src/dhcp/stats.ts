/** Words for the counters of DHCP clients. */

import type { DhcpStats } from './state.ts'

export const DHCP_STATS_TEXT: Readonly<Record<keyof DhcpStats, string>> = Object.freeze({
  received: '%d messages received',
  tooshort: '%d messages shorter than their header',
  badform: '%d messages that are no replies, or of no known type',
  notours: '%d messages for other clients or earlier requests',
  unexpected: '%d messages that the state of the client does not wait for',
  badlease: '%d offers and leases without what a lease needs',
  offers: '%d offers received',
  acks: '%d acknowledgements received',
  naks: '%d refusals received',
  conflicts: '%d leased addresses that somebody else had',
  bound: '%d times an address was taken into use',
  expired: '%d leases that ran out',
  reachable: '%d times the old gateway was found again',
  sent: '%d messages sent',
  declines: '%d addresses declined',
  releases: '%d leases released',
  nobuf: '%d messages not sent for want of a buffer',
})

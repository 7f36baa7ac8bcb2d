/** Words for the counters of DHCPv6 clients. */

import type { Dhcp6Stats } from './state.ts'

export const DHCP6_STATS_TEXT: Readonly<Record<keyof Dhcp6Stats, string>> = Object.freeze({
  received: '%d messages received',
  tooshort: '%d messages shorter than their header',
  badform: '%d messages whose options run over their end',
  badtype: '%d messages of a type that is not for clients',
  noserver: '%d messages that do not say which server they are from',
  notours: '%d messages for other clients or earlier requests',
  unexpected: '%d messages that the state of the client does not wait for',
  refused: '%d messages with a status that is a failure',
  badlease: '%d advertisements and replies without an address to use',
  advertises: '%d advertisements accepted',
  replies: '%d replies accepted',
  bound: '%d addresses leased',
  expired: '%d leases that ran out',
  declines: '%d leased addresses declined, since somebody else had them',
  releases: '%d times leases were released',
  sent: '%d messages sent',
  nosource: '%d messages not sent for want of a link-local address',
  nobuf: '%d messages not sent for want of a buffer',
})

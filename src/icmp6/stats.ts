/** Words for ICMPv6's counters. */

import type { Icmp6Stats } from './state.ts'

export const ICMP6_STATS_TEXT: Readonly<Record<keyof Icmp6Stats, string>> = Object.freeze({
  error: '%d calls to icmp6Error',
  canterror: '%d errors not generated because the old message forbids it',
  toofreq: '%d errors not generated because of the rate limit',
  nobuf: '%d messages not sent for want of a buffer',
  tooshort: '%d messages < minimum length',
  checksum: '%d messages with bad checksum',
  badtype: '%d messages of unknown type',
  badcode: '%d messages with bad code fields',
  badquote: '%d errors that quote no valid packet',
  notours: '%d errors about packets that we did not send',
  quotedfrag: '%d errors about fragments that do not tell their socket',
  badmtu: '%d packet too big messages with an MTU below 1,280',
  reflect: '%d message responses generated',
  groupecho: '%d multicast echo requests ignored',
  inunreach: '%d destination unreachables received',
  intoobig: '%d packet too bigs received',
  intimxceed: '%d time exceededs received',
  inparamprob: '%d parameter problems received',
  inecho: '%d echo requests received',
  inechoreply: '%d echo replies received',
  outunreach: '%d destination unreachables sent',
  outtoobig: '%d packet too bigs sent',
  outtimxceed: '%d time exceededs sent',
  outparamprob: '%d parameter problems sent',
})

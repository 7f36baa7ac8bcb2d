/** Words for the link layer's counters. */

import type { LinkStats } from './state.ts'

export const LINK_STATS_TEXT: Readonly<Record<keyof LinkStats, string>> = Object.freeze({
  badtype: '%d frames of a type not spoken here',
  badsnap: '%d 802.3 frames that were not RFC 1042',
  tooshort: '%d frames too short for their header',
  notforus: '%d frames for somebody else',
  badsource: '%d frames from a group address',
  nointerface: '%d frames on an interface that is gone',
  ifdown: '%d frames discarded because the interface was down',
  nobuf: '%d frames discarded for want of a buffer',
  looplimit: '%d packets discarded because the loopback queue was full',
  noloop: '%d packets to ourselves discarded because the loopback interface was down',
})

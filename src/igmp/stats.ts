/** Words for IGMP's counters. */

import type { IgmpStats } from './state.ts'

export const IGMP_STATS_TEXT: Readonly<Record<keyof IgmpStats, string>> = Object.freeze({
  total: '%d messages received',
  tooshort: '%d messages received with too few bytes',
  badttl: '%d messages received with wrong TTL',
  badsum: '%d messages received with bad checksum',
  v1queries: '%d V1 membership queries received',
  v2queries: '%d V2 membership queries received',
  v3queries: '%d V3 membership queries received',
  badqueries: '%d membership queries received with invalid fields, or not spoken here',
  gsrqueries: '%d group-source queries received',
  reports: '%d membership reports received',
  badreports: '%d membership reports received with invalid fields',
  ourreports: '%d membership reports received for groups to which we belong',
  nora: '%d queries received without Router Alert',
  sndreports: '%d membership reports sent',
  sndleaves: '%d leave messages sent',
  ignored: '%d messages of other types, which concern routers',
  noif: '%d messages on an interface without multicast',
  nobuf: '%d messages not sent for want of a buffer',
})

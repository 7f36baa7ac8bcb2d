/** Words for MLD's counters. */

import type { MldStats } from './state.ts'

export const MLD_STATS_TEXT: Readonly<Record<keyof MldStats, string>> = Object.freeze({
  total: '%d messages received',
  tooshort: '%d messages received with too few bytes',
  badhops: '%d messages received with a hop limit other than 1',
  badsource: '%d messages received from addresses of no link',
  v1queries: '%d V1 listener queries received',
  v2queries: '%d V2 listener queries received',
  badqueries: '%d listener queries received with invalid fields, or not spoken here',
  gsrqueries: '%d address-source queries received',
  reports: '%d V1 listener reports received',
  ourreports: '%d listener reports received for groups to which we listen',
  nora: '%d queries received without Router Alert',
  sndreports: '%d listener reports sent',
  snddones: '%d done messages sent',
  ignored: '%d messages of other types, which concern routers',
  noif: '%d messages on an interface without multicast',
  nobuf: '%d messages not sent for want of a buffer',
})

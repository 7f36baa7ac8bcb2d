/** The counters of raw sockets in words. */

import type { RawStats } from './state.ts'

export const RAW_STATS_TEXT: Readonly<Record<keyof RawStats, string>> = Object.freeze({
  ipackets: '%d packets delivered to raw sockets',
  fullsock: '%d not delivered due to full socket buffers',
  opackets: '%d packets output',
  nobuf: '%d output packets dropped because no frame was free',
  badhdr: '%d output packets refused because of their IP header',
})

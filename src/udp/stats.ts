/** The counters of UDP in words. */

import type { UdpStats } from './state.ts'

export const UDP_STATS_TEXT: Readonly<Record<keyof UdpStats, string>> = Object.freeze({
  ipackets: '%d datagrams received',
  hdrops: '%d with incomplete header',
  badlen: '%d with bad data length field',
  badsum: '%d with bad checksum',
  nosum: '%d with no checksum',
  noport: '%d dropped due to no socket',
  noportbcast: '%d broadcast datagrams undelivered',
  noportmcast: '%d multicast datagrams undelivered',
  fullsock: '%d dropped due to full socket buffers',
  rcvshut: '%d dropped because the socket was shut down for receiving',
  opackets: '%d datagrams output',
  nobuf: '%d output datagrams dropped because no frame was free',
  badctl: '%d ICMP errors ignored because no socket could have caused them',
})

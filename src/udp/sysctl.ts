/** Tunables of UDP. */

import { sysctlBool, sysctlInt } from '../kern/sysctl.ts'
import type { SysctlDef } from '../kern/sysctl.ts'

export const UDP_SYSCTLS = Object.freeze({
  'net.inet.udp.blackhole': sysctlBool(0, 'Do not answer datagrams for a port without a socket'),
  // the largest that fits an IP packet (FreeBSD has 9216, which its own sockets then exceed by SO_SNDBUF)
  'net.inet.udp.maxdgram': sysctlInt(65_507, 1, 65_507, 'bytes', 'Largest datagram of a new socket (SO_SNDBUF)'),
  // Linux's figure: FreeBSD's 42,080 could not hold one datagram of full size and its sender's next
  'net.inet.udp.recvspace': sysctlInt(212_992, 1024, 1_073_741_824, 'bytes', 'Queue of a new socket (SO_RCVBUF)'),
} satisfies Record<string, SysctlDef>)

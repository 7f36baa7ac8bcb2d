/** Tunables that all kinds of socket share, and those of raw sockets. */

import { sysctlInt } from '../kern/sysctl.ts'
import type { SysctlDef } from '../kern/sysctl.ts'

export const INET_SYSCTLS = Object.freeze({
  'kern.ipc.maxsockbuf': sysctlInt(8_388_608, 4096, 1_073_741_824, 'bytes', 'Largest SO_SNDBUF and SO_RCVBUF'),
  // as FreeBSD; wider than the 49152–65535 of RFC 6335 §6, because a guesser must search it (RFC 6056 §3.2)
  'net.inet.ip.portrange.first': sysctlInt(10_000, 1, 65_535, 'port', 'First ephemeral port'),
  'net.inet.ip.portrange.last': sysctlInt(65_535, 1, 65_535, 'port', 'Last ephemeral port'),
  'net.inet.raw.maxdgram': sysctlInt(65_535, 1024, 65_535, 'bytes', 'Largest packet that a raw socket sends'),
  'net.inet.raw.recvspace': sysctlInt(212_992, 1024, 1_073_741_824, 'bytes', 'Receive queue of a new raw socket'),
} satisfies Record<string, SysctlDef>)

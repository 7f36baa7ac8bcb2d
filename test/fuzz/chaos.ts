/** A program without a plan: every socket call, at random, on whatever sockets there are. Errors are answers, not faults. */

import { AF_INET } from '../../src/inet/state.ts'
import {
  MSG_OOB, SHUT_RD, SHUT_RDWR, SHUT_WR, SO_KEEPALIVE, SO_LINGER, SO_RCVBUF, SOCK_DGRAM, SOCK_RAW, SOCK_STREAM, SOL_SOCKET,
  SOL_TCP, TCP_CORK, TCP_NODELAY,
} from '../../src/inet/sockopt.ts'
import { randomBelow } from '../../src/kern/random.ts'
import type { RandomState } from '../../src/kern/random.ts'
import { addrFromIp4, createAddr } from '../../src/lib/addr.ts'
import type { Addr, Ip4 } from '../../src/lib/addr.ts'
import { checksumAdd, checksumFold } from '../../src/lib/checksum.ts'
import type { SimHost } from '../../src/sim/host.ts'
import {
  soAbort, soAccept, soBind, soClose, soConnect, soCreate, soList, soListen, soRecv, soSend, soSendTo, soSetOpt, soShutdown,
} from '../../src/vnet/so.ts'

const PORTS = [7, 9]
/** Both sides connect from here to there: a simultaneous open (RFC 9293 §3.5) when they do it at the same time. */
const MEETING_PORT = 500
/** Nobody listens here. */
const CLOSED_PORT = 99
const MAX_SOCKETS = 24
const DATA = new Uint8Array(20_000).map((_, i) => i * 7)
const OPTIONS: readonly (readonly [number, number, number])[] = [
  [SOL_TCP, TCP_NODELAY, 1], [SOL_TCP, TCP_CORK, 1], [SOL_TCP, TCP_CORK, 0], [SOL_SOCKET, SO_KEEPALIVE, 1],
  [SOL_SOCKET, SO_LINGER, 1], [SOL_SOCKET, SO_RCVBUF, 2048],
]

export interface Chaos {
  /** One call. */
  step(): void
  /** Closes everything. */
  end(): void
}

export function startChaos(host: SimHost, peer: Ip4, r: RandomState): Chaos {
  const { vnet } = host
  const to = addrFromIp4(peer)
  const from = { addr: createAddr(), port: 0, truncated: false }
  const into = new Uint8Array(8192)
  const listeners = PORTS.map((port) => {
    const id = soCreate(vnet, host.now(), AF_INET, SOCK_STREAM, 0)
    soBind(vnet, host.now(), id, addrFromIp4(0), port)
    soListen(vnet, host.now(), id, 4)
    return id
  })
  const udp = soCreate(vnet, host.now(), AF_INET, SOCK_DGRAM, 0)
  soBind(vnet, host.now(), udp, addrFromIp4(0), PORTS[0])
  const raw = soCreate(vnet, host.now(), AF_INET, SOCK_RAW, 1)
  const fixed = [...listeners, udp, raw]
  host.kick()

  const call = (): void => {
    const now = host.now()
    const ids = soList(vnet).filter((id) => !fixed.includes(id))
    const id = ids.length === 0 ? 0 : ids[randomBelow(r, ids.length)]
    const size = randomBelow(r, randomBelow(r, 4) === 0 ? DATA.length : 600)
    switch (randomBelow(r, 14)) {
      case 0: case 1:
        if (ids.length < MAX_SOCKETS) connect(vnet, now, to, [...PORTS, ...PORTS, CLOSED_PORT, MEETING_PORT][randomBelow(r, 6)])
        return
      case 2: case 3: case 4: soSend(vnet, now, id, DATA, 0, size, randomBelow(r, 20) === 0 ? MSG_OOB : 0); return
      case 5: case 6: soRecv(vnet, now, id, into, 0, 1 + randomBelow(r, into.length), 0, from); return
      case 7: soShutdown(vnet, now, id, [SHUT_WR, SHUT_WR, SHUT_RD, SHUT_RDWR][randomBelow(r, 4)]); return
      case 8: soClose(vnet, now, id); return
      case 9: if (randomBelow(r, 4) === 0) soAbort(vnet, now, id); return
      case 10:
        soSendTo(vnet, now, udp, DATA, 0, Math.min(size, 5000), to, randomBelow(r, 4) === 0 ? CLOSED_PORT : PORTS[0])
        return
      case 11: soSendTo(vnet, now, raw, echo(Math.min(size, 3000)), 0, 8 + Math.min(size, 3000), to, 0); return
      case 12: soSetOpt(vnet, now, id, ...OPTIONS[randomBelow(r, OPTIONS.length)]); return
      default: soAccept(vnet, now, listeners[randomBelow(r, listeners.length)])
    }
  }
  return {
    step() {
      call()
      for (const id of [udp, raw]) while (soRecv(vnet, host.now(), id, into, 0, into.length, 0, from) >= 0);
      host.kick()
    },
    end() {
      for (const id of soList(vnet)) soClose(vnet, host.now(), id)
      host.kick()
    },
  }
}

function connect(vnet: SimHost['vnet'], now: number, to: Addr, port: number): void {
  const id = soCreate(vnet, now, AF_INET, SOCK_STREAM, 0)
  if (port === MEETING_PORT) soBind(vnet, now, id, addrFromIp4(0), port)
  soConnect(vnet, now, id, to, port)
}

/** An ICMP echo request with `size` bytes of data. */
function echo(size: number): Uint8Array {
  const bytes = new Uint8Array(8 + size)
  bytes[0] = 8
  const view = new DataView(bytes.buffer)
  view.setUint16(2, checksumFold(checksumAdd(0, view, 0, bytes.length)))
  return bytes
}

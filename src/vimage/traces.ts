/** Connections from the inside: TCP_INFO of each, and the event trace. */

import { addrPrint } from '../lib/addr.ts'
import { CC_NAMES } from '../tcp/cc/names.ts'
import { tcbSeen } from '../tcp/state-dormant.ts'
import { tcpList } from '../tcp/info.ts'
import { tcpLinuxInfo } from '../tcp/linux-info.ts'
import type { LinuxTcpInfo } from '../tcp/linux-info.ts'
import type { TcpTraceEvent, TcpTraceOptions } from '../tcp/trace-read.ts'
import type { Runner } from '../vnet/runner.ts'

export interface ConnectionRow {
  socket: number
  local: string
  foreign: string
  state: string
  /** Name of the congestion control. */
  congestion: string
  /** Linux's fields and units (docs/trace.md). */
  info: LinuxTcpInfo
}

export interface TraceListing {
  /** Records that the ring holds; 0 where nothing is traced. */
  limit: number
  /** Whether every connection is traced, or single sockets only. */
  tracing: 'all' | 'some' | 'off'
  /** Oldest first. */
  events: TcpTraceEvent[]
}

/** Every connection that has a socket, with its TCP_INFO. */
export function connectionRows(runner: Runner): ConnectionRow[] {
  const { vn } = runner.vnet
  runner.vnet.setNow(runner.now())
  const rows: ConnectionRow[] = []
  for (const t of tcpList(vn)) {
    const record = vn.state.tcp.tcbs.get(t.id)
    const info = t.fport === 0 ? null : tcpLinuxInfo(vn, t.id)
    if (record === undefined || info === null) continue
    rows.push({
      socket: t.id, local: `${addrPrint(t.laddr)}:${t.lport}`, foreign: `${addrPrint(t.faddr)}:${t.fport}`, state: t.state,
      congestion: CC_NAMES[tcbSeen(record).cc], info,
    })
  }
  return rows
}

/** The event trace, or what it has of one socket's connection. */
export function traceListing(runner: Runner, options: TcpTraceOptions = {}): TraceListing {
  const { trace } = runner.vnet.state.tcp
  const all = runner.vnet.state.sysctl['net.inet.tcp.trace'] > 0
  return {
    limit: trace.limit, tracing: all ? 'all' : trace.sockets.size > 0 ? 'some' : 'off', events: runner.vnet.tcpTrace(options),
  }
}

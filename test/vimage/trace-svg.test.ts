import { describe, expect, it } from 'vitest'
import { SOCK_STREAM } from '../../src/inet/sockopt.ts'
import { AF_INET } from '../../src/inet/state.ts'
import { addrFromIp4 } from '../../src/lib/addr.ts'
import { createWorld } from '../../src/sim/world.ts'
import type { TcpTraceEvent } from '../../src/tcp/trace-read.ts'
import { traceSvg } from '../../src/vimage/trace-svg.ts'
import { connectionRows, traceListing } from '../../src/vimage/traces.ts'
import type { ConnectionRow } from '../../src/vimage/traces.ts'
import { soBind, soConnect, soCreate, soListen, soSend } from '../../src/vnet/so.ts'
import { sysctlsIn } from '../../src/vnet/sysctl.ts'

/** A transfer of 200 kB over a cable that loses packets, traced on the sending side. */
function transfer(): { events: TcpTraceEvent[]; rows: ConnectionRow[] } {
  const world = createWorld({ seed: 5 })
  const a = world.addVnet('a')
  const b = world.addVnet('b')
  world.cable(a.addPort({ address: '10.0.0.1/24' }), b.addPort({ address: '10.0.0.2/24' }), { delayUs: 10_000, lossRate: 0.05 })
  sysctlsIn(a.vnet.state)['net.inet.tcp.trace'] = 5000
  const listener = soCreate(b.vnet, b.now(), AF_INET, SOCK_STREAM, 0)
  soBind(b.vnet, b.now(), listener, addrFromIp4(0), 80)
  soListen(b.vnet, b.now(), listener, 5)
  const client = soCreate(a.vnet, a.now(), AF_INET, SOCK_STREAM, 0)
  soConnect(a.vnet, a.now(), client, addrFromIp4(0x0a000002), 80)
  soSend(a.vnet, a.now(), client, new Uint8Array(200_000), 0, 200_000, 0)
  a.kick()
  world.runFor(60_000_000)
  return { events: traceListing(a).events, rows: connectionRows(a) }
}

describe('a picture of a connection', () => {
  const { events, rows } = transfer()
  const svg = traceSvg(events, { title: 'a <b> & c' })

  it('has a stroke for every segment sent, those sent again in red, with the reason to be read', () => {
    const sent = events.filter((e) => e.kind === 'out' && (e.len > 0 || /[SFR]/.test(e.flags)))
    expect(sent.length).toBeGreaterThan(100)
    expect(svg.match(/<path d="M[^"]*V[^"]*h4/g)?.length).toBe(sent.length)
    const again = svg.match(/h4" stroke="#dc2626"/g)?.length ?? 0
    expect(again).toBeGreaterThan(0)
    expect(again).toBe(rows[0]?.info.tcpi_total_retrans)
    expect(svg).toContain('RFC 8985')
  })

  it('is well-formed: elements are closed, words are escaped, no number is missing', () => {
    const open: string[] = []
    for (const [, end, name, self] of svg.matchAll(/<(\/?)([a-z]+)[^>]*?(\/?)>/g)) {
      if (end === '/') expect(open.pop()).toBe(name)
      else if (self !== '/') open.push(name)
    }
    expect(open).toEqual([])
    expect(svg).toContain('a &lt;b&gt; &amp; c')
    expect(svg).not.toMatch(/NaN|Infinity|undefined/)
  })

  it('of nothing, of one event, and of an endless window is a picture too', () => {
    expect(traceSvg([])).toContain('no events')
    expect(traceSvg(events.slice(0, 1))).not.toMatch(/NaN|Infinity/)
    expect(traceSvg(events.map((e) => ({ ...e, win: 2 ** 30 })))).not.toMatch(/NaN|Infinity/)
  })

  it('numbers that wrap around are drawn as what they are', () => {
    const near = events.map((e) => e.kind === 'out' ? { ...e, seq: e.seq + 0xffffff00 >>> 0 }
      : e.kind === 'in' ? { ...e, ack: e.ack + 0xffffff00 >>> 0 } : e)
    expect(traceSvg(near).match(/h4" stroke="#dc2626"/g)?.length).toBe(svg.match(/h4" stroke="#dc2626"/g)?.length)
  })
})

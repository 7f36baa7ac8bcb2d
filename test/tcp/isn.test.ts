import { describe, expect, test } from 'vitest'
import { createInpcb } from '../../src/inet/state.ts'
import { addrCopy } from '../../src/lib/addr.ts'
import { toSeq } from '../../src/lib/seq.ts'
import { tcpIsn, tcpTsNow, tcpTsOffset } from '../../src/tcp/isn.ts'
import { ME, PEER, createTcp, run } from './harness.ts'

function tuple(lport: number, fport: number): ReturnType<typeof createInpcb> {
  const inp = createInpcb(4, 2)
  addrCopy(inp.laddr, ME)
  addrCopy(inp.faddr, PEER)
  inp.lport = lport
  inp.fport = fport
  return inp
}

describe('initial sequence numbers (RFC 9293 §3.4.1, RFC 6528)', () => {
  test('for one four-tuple they move with a 4 µs clock (MUST-8, SHLD-1)', () => {
    const t = createTcp()
    const a = tcpIsn(t.vn, tuple(1, 2))
    run(t, 1000)
    expect(toSeq(tcpIsn(t.vn, tuple(1, 2)) - a)).toBe(250_000)
    run(t, 5 * 3600_000)
    expect(toSeq(tcpIsn(t.vn, tuple(1, 2)) - a)).toBe(toSeq(250_000 + 5 * 3600 * 250_000))
  })

  test('different tuples and different secrets: unrelated offsets (MUST-9)', () => {
    const t = createTcp()
    const values = new Set<number>()
    for (let p = 0; p < 1000; p++) values.add(tcpIsn(t.vn, tuple(p, 80)))
    expect(values.size).toBe(1000)
    expect(tcpIsn(createTcp({ seed: 2 }).vn, tuple(1, 2))).not.toBe(tcpIsn(t.vn, tuple(1, 2)))
  })

  test('the timestamp clock of a tuple goes on from one incarnation to the next (RFC 6191 §2)', () => {
    const t = createTcp()
    const offset = tcpTsOffset(t.vn, tuple(1, 2))
    const a = tcpTsNow(t.vn, offset)
    run(t, 1234)
    expect(tcpTsOffset(t.vn, tuple(1, 2))).toBe(offset)
    expect((tcpTsNow(t.vn, offset) - a) >>> 0).toBe(1234)
    expect(tcpTsOffset(t.vn, tuple(2, 2))).not.toBe(offset)
  })
})

import { describe, expect, test } from 'vitest'
import { tcpInfo } from '../../src/tcp/info.ts'
import { soReady } from '../../src/vnet/so.ts'
import { EV_URGENT } from '../../src/tcp/urgent.ts'
import { createTcp, passive, pattern, raised } from './harness.ts'

describe('urgent data is received (RFC 9293 §3.8.5, RFC 6093)', () => {
  test('in line; the user is told when the pointer advances (MUST-32), and how much is left (MUST-33)', () => {
    const t = createTcp()
    const c = passive(t)
    c.in('.U', { seq: 1, data: 10, urp: 10 })
    expect(raised(t, c.id)).toContain('EV_URGENT')
    expect(tcpInfo(t.vn, c.id)?.urgentLeft).toBe(10)
    expect(soReady(t.vnet, c.id) & EV_URGENT).toBe(EV_URGENT)
    expect(c.read(4)).toEqual(pattern(0, 4))
    expect(tcpInfo(t.vn, c.id)?.urgentLeft).toBe(6)
    // the same pointer again tells nothing new
    t.events.clear()
    c.in('.U', { seq: 11, data: 1, urp: 0 })
    expect(raised(t, c.id)).not.toContain('EV_URGENT')
    c.in('.U', { seq: 12, data: 5, urp: 5 })
    expect(raised(t, c.id)).toContain('EV_URGENT')
    c.read()
    expect(tcpInfo(t.vn, c.id)?.urgentLeft).toBe(0)
    expect(soReady(t.vnet, c.id) & EV_URGENT).toBe(0)
  })

  test('the pointer may be ahead of the data', () => {
    const t = createTcp()
    const c = passive(t)
    c.in('.U', { seq: 1, data: 10, urp: 5000 })
    expect(tcpInfo(t.vn, c.id)?.urgentLeft).toBe(5000)
    expect(c.read()).toEqual(pattern(0, 10))
    expect(tcpInfo(t.vn, c.id)?.urgentLeft).toBe(4990)
  })

  test('an old pointer or one after FIN is ignored', () => {
    const t = createTcp()
    const c = passive(t)
    c.in('.', { seq: 1, data: 100 })
    c.in('.U', { seq: 51, data: pattern(50, 60), urp: 10 })
    expect(raised(t, c.id)).not.toContain('EV_URGENT')
    c.in('F.', { seq: 111 })
    c.in('.U', { seq: 112, urp: 50 })
    expect(raised(t, c.id)).not.toContain('EV_URGENT')
  })
})

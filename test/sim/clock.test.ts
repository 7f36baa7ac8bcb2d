import { describe, expect, it } from 'vitest'
import { SimClock } from '../../src/sim/clock.ts'

describe('virtual clock', () => {
  it('calls in the order of time, equal times in the order of planning', () => {
    const clock = new SimClock()
    const order: string[] = []
    for (const [at, name] of [[30, 'c'], [10, 'a'], [30, 'd'], [20, 'b'], [30, 'e']] as const) {
      clock.at(at, () => { order.push(`${name}@${clock.now()}`) })
    }
    while (clock.next() < Infinity) clock.take()
    expect(order).toEqual(['a@10', 'b@20', 'c@30', 'd@30', 'e@30'])
  })

  it('a call planned for the past happens now, after what is due now', () => {
    const clock = new SimClock()
    const order: string[] = []
    clock.at(100, () => {
      order.push('first')
      clock.at(5, () => { order.push(`late@${clock.now()}`) })
    })
    clock.at(100, () => { order.push('second') })
    while (clock.next() < Infinity) clock.take()
    expect(order).toEqual(['first', 'second', 'late@100'])
  })

  it('a cancelled call does not happen, and does not count as pending', () => {
    const clock = new SimClock()
    let called = 0
    const token = clock.at(10, () => { called++ })
    expect(clock.pending).toBe(1)
    clock.cancel(token)
    expect([clock.pending, clock.next()]).toEqual([0, Infinity])
    expect(called).toBe(0)
  })

  it('time moves only to where nothing is jumped over', () => {
    const clock = new SimClock()
    clock.at(50, () => undefined)
    clock.moveTo(49)
    expect(clock.now()).toBe(49)
    expect(() => { clock.moveTo(51) }).toThrow('jump')
    clock.take()
    clock.moveTo(10)
    expect(clock.now()).toBe(50)
  })
})

/**
 * Twin mode of the scripts (invariant 1): between every two events of a script the Vnets of another world have an event.
 * The script passes and sends what it sends alone, to the bit, and so does the other world.
 */

import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { frameBytes } from '../../src/lib/frame.ts'
import { printResult, runScript } from '../../src/script/index.ts'
import { Vnet } from '../../src/vnet/vnet.ts'
import { scriptFiles } from '../script/files.ts'
import { Background, undisturbed } from './background.ts'
import { tcbsAwake } from '../support/tcbs.ts'

afterEach(() => { vi.restoreAllMocks() })

interface Run { failures: string[]; sent: string[]; frames: number }

/** Runs every script; what each sent, as a digest. `between` is called after each drain of a script's Vnet. */
function runAll(files: ReturnType<typeof scriptFiles>, between: (vnet: Vnet) => void, mine: () => boolean): Run {
  let digest = createHash('sha256')
  const run: Run = { failures: [], sent: [], frames: 0 }
  // eslint-disable-next-line @typescript-eslint/unbound-method -- called with its own `this` below
  const { drainFrames, drainEvents } = Vnet.prototype
  vi.spyOn(Vnet.prototype, 'drainFrames').mockImplementation(function (this: Vnet, sink, budget) {
    return drainFrames.call(this, (ifId, f) => {
      if (mine()) {
        digest.update(frameBytes(f))
        run.frames++
      }
      sink(ifId, f)
    }, budget)
  })
  vi.spyOn(Vnet.prototype, 'drainEvents').mockImplementation(function (this: Vnet, sink) {
    drainEvents.call(this, sink)
    if (mine()) between(this)
  })
  for (const { name, path } of files) {
    const result = runScript(readFileSync(path, 'utf8'), { name })
    if (result.status !== 'passed') run.failures.push(printResult(result))
    run.sent.push(`${name} ${digest.digest('hex').slice(0, 16)}`)
    digest = createHash('sha256')
  }
  vi.restoreAllMocks()
  return run
}

function alone(files: ReturnType<typeof scriptFiles>): Run {
  return runAll(files, () => undefined, () => true)
}

describe('twins: every script beside a busy world', () => {
  const files = scriptFiles()

  it('passes, and sends what it sends alone; the world does what it does alone', () => {
    const background = new Background()
    const twin = runAll(files, () => { background.step() }, () => !background.running)
    expect(twin.failures).toEqual([])
    expect(twin.sent).toEqual(alone(files).sent)
    expect(twin.frames).toBeGreaterThan(files.length)
    expect(background.events).toBeGreaterThan(files.length * 3)
    expect(background.digest()).toBe(undisturbed(background.steps))
  }, 180_000)

  it('bites: a congestion window that is shared by two Vnets is found out', () => {
    const some = files.filter((_, i) => i % 5 === 0)
    let last = 0
    const leaking = runAll(some, (vnet) => {
      // each connection takes the window of the one before it, in whatever Vnet
      for (const tcb of tcbsAwake(vnet.vn)) [last, tcb.cwnd] = [tcb.cwnd, Math.max(last, tcb.mss)]
    }, () => true)
    expect(leaking.sent).not.toEqual(alone(some).sent)
  }, 180_000)
})

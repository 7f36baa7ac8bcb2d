/** A test file for `node --test`; run by ../runners.test.ts. */

import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { describe, test } from 'node:test'
import { assertThat, delivered, simulate } from 'vimage/testing'

const hour = async (world) => {
  world.link('app', 'api', { delay: '20ms', loss: '1%' })
  world.host('api').run(() => createServer((_req, res) => res.end('ok')).listen(80))
  const text = await world.host('app').run(async () => {
    await new Promise((resolve) => setTimeout(resolve, 3_600_000))
    return (await fetch('http://api/')).text()
  })
  assert.equal(text, 'ok')
  assertThat(delivered(world, { from: 'api', to: 'app', data: 'HTTP/1.1 200 OK' }))
  assert.ok(world.now > 3_600_000)
}

describe('simulations under node:test', { concurrency: true }, () => {
  test('an hour', () => simulate(hour))
  test('another one beside it', () => simulate(hour, { seed: 2 }))
  test('one that fails', { skip: process.env.FAIL !== '1' }, () => simulate(() => {
    throw new Error('as it was to be shown')
  }, { seed: 77, output: null }))
})

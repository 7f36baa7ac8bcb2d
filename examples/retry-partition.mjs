/** Retry logic under a partition: every order is taken once, though answers are lost. With vitest or node:test it is a test. */

import { createServer } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { simulate } from 'vimage/testing'

/** The code under test: plain fetch, tries again after 1, 2, 4 … s. */
async function order(item) {
  const key = crypto.randomUUID()
  for (let wait = 1000; ; wait *= 2) {
    try {
      const res = await fetch('http://shop/', { method: 'POST', headers: { key }, body: item, signal: AbortSignal.timeout(3000) })
      return await res.text()
    } catch {
      await sleep(wait)
    }
  }
}

function startShop(taken) {
  createServer(async (req, res) => {
    let item = ''
    for await (const part of req) item += part
    taken.asked++
    // a key that is known is an order that was tried again: without this line the coffee comes twice
    if (!taken.keys.has(req.headers.key)) taken.items.push(item)
    taken.keys.add(req.headers.key)
    res.end(`${item} ordered`)
  }).listen(80)
}

await simulate(async (world) => {
  world.link('app', 'shop', { delay: '20ms' })
  const taken = { keys: new Set(), items: [], asked: 0 }
  world.host('shop').run(() => startShop(taken))
  // requests arrive, answers do not: the worst kind
  world.at('1s', () => world.partition('shop', 'app', { oneWay: true, for: '10s' }))

  const answers = await world.host('app').run(async () => {
    const first = await order('tea')
    await sleep(2000)
    return [first, await order('coffee')]
  })
  if (taken.items.join() !== 'tea,coffee') throw new Error(`the shop took ${taken.items.join()}`)
  console.log(`${answers.join(', ')}; asked ${taken.asked} times, in ${(world.now / 1000).toFixed(1)} s of the world`)
}, { seed: 1, name: 'retry' })

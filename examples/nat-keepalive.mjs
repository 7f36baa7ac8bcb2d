/** HTTP keep-alive through a NAT that forgets idle connections: a request hangs, and what helps. */

import { createServer } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { simulate } from 'vimage/testing'

/** The code under test: a request that is made again when there is no answer within five seconds. */
async function ask() {
  for (;;) {
    try {
      return await (await fetch('http://api/', { signal: AbortSignal.timeout(5000) })).text()
    } catch (error) {
      if (error.name !== 'TimeoutError') throw error
    }
  }
}

/** Two requests with 40 s between them. Resolves with how long the second took, s. */
function second(keepAliveTimeout) {
  return simulate(async (world) => {
    const router = world.nat('router', { tcpTimeout: '30s' })
    world.link('phone', router.inside, { delay: '2ms' })
    world.link(router, 'api', { delay: '20ms' })
    world.host('api').run(() => {
      // clients are told in the header Keep-Alive how long a connection is kept, and fetch believes it
      Object.assign(createServer((_req, res) => res.end('ok')), { keepAliveTimeout }).listen(80)
    })
    return world.host('phone').run(async () => {
      await ask()
      await sleep(40_000)
      const begin = Date.now()
      await ask()
      return (Date.now() - begin) / 1000
    })
  }, { name: 'nat keep-alive' })
}

const [long, short] = [await second(300_000), await second(20_000)]
console.log(`kept for 300 s by the server, for 30 s by the NAT: the second request takes ${long.toFixed(1)} s`)
console.log(`kept for 20 s by the server: ${short.toFixed(1)} s`)
if (long < 5 || short > 1) throw new Error('the NAT did not do what it was to show')

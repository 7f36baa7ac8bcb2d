/** Requests a second of `http`: a server and keep-alive clients in one process, Vnet to Vnet against the kernel's loopback. */

import nodeHttp from 'node:http'
import { once } from 'node:events'
import { createPair } from '../dist/device/pair.js'
import { Driver } from '../dist/index.js'
import { nodeModules } from '../dist/node/modules.js'
import { interfaceAddAddress } from '../dist/vimage/interfaces.js'

const CLIENTS = 50

export const http = {
  name: 'http',
  title: `http hello-world, requests/s, ${CLIENTS} keep-alive clients in the same process`,
  async run({ short }) {
    const driver = new Driver()
    const [a, b] = ['a', 'b'].map((name) => driver.addVnet({ name }))
    const ends = createPair(driver.pool)
    a.attach(ends[0], 'eth0')
    b.attach(ends[1], 'eth0')
    interfaceAddAddress(a, 'eth0', '10.1.0.1/24', false)
    interfaceAddAddress(b, 'eth0', '10.1.0.2/24', false)
    const sides = {
      vnet: await side(nodeModules(a).http, nodeModules(b).http, '10.1.0.2'),
      kernel: await side(nodeHttp, nodeHttp, '127.0.0.1'),
    }
    const seconds = short ? 1 : 3
    const best = { vnet: 0, kernel: 0 }
    // alternating, after one round to warm up: what disturbs one disturbs the other
    for (let round = 0; round < 4; round++) {
      for (const name of ['kernel', 'vnet']) {
        const rate = await sides[name].measure(round === 0 ? 0.5 : seconds)
        if (round > 0) best[name] = Math.max(best[name], rate)
      }
    }
    for (const { close } of Object.values(sides)) close()
    driver.close()
    const { vnet: value, kernel: base } = best
    return { rows: [{ key: 'vnetRequestsPerSecond', value, baseKey: 'loopbackRequestsPerSecond', base, ratio: value / base }] }
  },
}

async function side(client, serverOf, host) {
  const server = serverOf.createServer((_request, response) => response.end('hello world'))
  server.listen(0, host)
  await once(server, 'listening')
  const { port } = server.address()
  const agent = new client.Agent({ keepAlive: true, maxSockets: CLIENTS })
  const get = () => new Promise((resolve, reject) => {
    client.get({ host, port, agent }, (response) => response.on('end', resolve).resume()).on('error', reject)
  })
  return {
    async measure(seconds) {
      let done = 0
      const from = performance.now()
      const until = from + seconds * 1000
      await Promise.all(Array.from({ length: CLIENTS }, async () => {
        for (; performance.now() < until; done++) await get()
      }))
      return done / ((performance.now() - from) / 1000)
    },
    close() {
      agent.destroy()
      server.closeAllConnections()
      server.close()
    },
  }
}

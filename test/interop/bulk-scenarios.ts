/** TCP in bulk over one TAP between a Vnet and a program: how fast. Run inside a namespace by bulk.test.ts. */

import { startDiscard } from '../../src/service/discard.ts'
import { connectTcp, TcpServer } from '../../src/socket/tcp.ts'
import { eventOf, onStage } from './scene.ts'
import type { Net } from './scene.ts'

const PORT = 9
const BLOCK = Buffer.alloc(262_144, 'bulk')

/** A program sends `bytes` to the Vnet, which throws them away. */
export function toVnet(n: number, offload: boolean, bytes: number) {
  return onStage(async (scene) => {
    const net = await scene.net(n, { offload })
    const discard = startDiscard(net.host, PORT)
    const started = performance.now()
    await scene.ok('sh', '-c', `head -c ${bytes} /dev/zero | socat -u -b 262144 - TCP:${net.vnet}:${PORT}`)
    // what waited behind a lost segment, when the TAP's queue was full, is counted apart
    const arrived = (): number => net.host.vnet.state.tcp.stats.rcvbyte + net.host.vnet.state.tcp.stats.rcvoobyte
    await scene.until(() => arrived() === bytes, 'bytes are missing')
    const rate = figures(net, bytes, performance.now() - started)
    discard.stop()
    return rate
  })
}

/** The Vnet sends `bytes` to a program. */
export function fromVnet(n: number, offload: boolean, bytes: number) {
  return onStage(async (scene) => {
    const net = await scene.net(n, { offload })
    const server = new TcpServer(net.host, (s) => {
      let left = bytes
      const more = (): void => {
        while (left > 0) {
          const size = Math.min(left, BLOCK.length)
          left -= size
          if (!s.write(BLOCK.subarray(0, size))) return
        }
        s.end()
      }
      s.on('drain', more)
      more()
    }).listen({ port: PORT })
    const started = performance.now()
    const got = await scene.ok('sh', '-c', `socat -u -b 262144 TCP:${net.vnet}:${PORT} - | wc -c`)
    const rate = figures(net, Number(got), performance.now() - started)
    server.close()
    return rate
  })
}

/** Connections one after the other, each opened, answered and closed: how many in a second. */
export function connections(n: number, count: number) {
  return onStage(async (scene) => {
    const net = await scene.net(n)
    const server = await scene.start('up', process.execPath, '-e', `
      require("node:net").createServer((s) => s.end("x")).listen(${PORT}, "${net.kernel}", () => console.log("up"))`)
    const started = performance.now()
    let done = 0
    for (; done < count; done++) {
      const s = connectTcp(net.host, { host: net.kernel, port: PORT })
      s.resume()
      if (await eventOf(s, 'close') === null) break
    }
    const perSecond = Math.round(done / (performance.now() - started) * 1000)
    server.kill()
    return { done, perSecond }
  })
}

function figures(net: Net, bytes: number, ms: number) {
  const { sndrexmitpack, rcvtotal, sndtotal } = net.host.vnet.state.tcp.stats
  const gbps = Math.round(bytes * 8 / ms / 1e4) / 100
  return { bytes, gbps, resent: sndrexmitpack, segmentsIn: rcvtotal, segmentsOut: sndtotal }
}

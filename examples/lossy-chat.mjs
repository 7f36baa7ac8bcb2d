/** A chat server over lossy links: all see all lines in the same order; `explore` looks for a seed and faults with which not. */

import net from 'node:net'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { explore } from 'vimage/testing'

const PEOPLE = ['ann', 'bob', 'eve']
const LINES = 5

function startServer() {
  const all = new Set()
  net.createServer((socket) => {
    all.add(socket)
    socket.on('close', () => all.delete(socket))
    const lines = createInterface({ input: socket }).on('error', () => undefined)
    lines.on('line', (line) => { for (const one of all) one.write(`${line}\n`) })
  }).listen(6667)
}

/** Waits until the others are there, says its lines at moments of its own, and resolves with what it has seen. */
async function chat(name) {
  const socket = net.connect({ port: 6667, host: 'server' })
  const seen = []
  const done = new Promise((resolve, reject) => {
    const lines = createInterface({ input: socket }).on('error', reject)
    lines.on('line', (line) => { if (seen.push(line) === PEOPLE.length * LINES) resolve() })
  })
  await sleep(60_000)
  for (let i = 0; i < LINES; i++) {
    socket.write(`${name} ${i}\n`)
    await sleep(Math.random() * 500)
  }
  await done
  socket.destroy()
  return seen.join()
}

const { runs } = await explore({ seeds: 10, kinds: ['link', 'cut'], lasting: '5s', within: '62s', name: 'chat' }, async (world) => {
  for (const name of PEOPLE) world.link(name, 'server', { delay: 30, jitter: 10, loss: '5%', reorder: '2%' })
  world.host('server').run(startServer)
  const seen = await Promise.all(PEOPLE.map((name) => world.host(name).run(() => chat(name))))
  if (new Set(seen).size > 1) throw new Error(`not the same:\n${seen.join('\n')}`)
})
console.log(`${PEOPLE.length * LINES} lines, in the same order for everybody, in ${runs} runs`)

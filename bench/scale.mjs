/** Does a message cost more where there is more? Ping-pong over ten connections, beside many others, routes, Vnets. */

import { AF_INET, Driver, EV_ACCEPT, EV_READ, SOCK_STREAM, addrParse, createPair, ifAddAddr } from '../dist/index.js'
import { routeAdd } from '../dist/ip/route.js'
import { EAGAIN, EINPROGRESS, errnoName } from '../dist/lib/errno.js'
import { createAddr } from '../dist/lib/addr.js'
import { soAccept, soBind, soConnect, soCreate, soListen, soRecv, soSend } from '../dist/vnet/so.js'
import { median, row } from './measure.mjs'

export const scale = { name: 'scale', title: 'A message of 64 bytes over TCP between two Vnets, ns, by how much else there is', run }

const BUSY = 10
const BATCH = 2000
const FROM = { addr: createAddr(), port: 0, truncated: false }
/** From one address no more connections than ephemeral ports go to one port. */
const PER_PORT = 10_000
const [A, B] = ['10.0.0.1', '10.0.0.2']

async function run({ short }) {
  const many = short ? 10_000 : 100_000
  const few = await scene()
  const rows = []
  for (const [what, fill] of [['Connections', connections], ['Routes', routes], ['Vnets', vnets]]) {
    const count = what === 'Vnets' ? many / 10 : many
    const other = await scene()
    await fill(other, count)
    // in turns, so that what changes on the machine changes both
    const [alone, beside] = await inTurns([few, other], short ? 15 : 40)
    rows.push(row(`message${count}${what}Ns`, beside, 'messageAloneNs', alone))
    other.driver.close()
  }
  few.driver.close()
  return { rows, note: `Each message is answered, over one of ${BUSY} connections after the other; whatever else there is does nothing.` }
}

async function scene() {
  const driver = new Driver()
  const [left, right] = createPair(driver.pool)
  const hosts = [[left, A], [right, B]].map(([device, address], i) => {
    const host = driver.addVnet({ name: `scale${i}`, seed: [i] })
    const ifId = host.attach(device, 'eth0')
    ifAddAddr(host.vnet.vn, ifId, addrParse(address), 16)
    return { host, ifId }
  })
  const s = { driver, a: hosts[0], b: hosts[1].host, ports: 0, echo: echoing(hosts[1].host), busy: [] }
  s.busy = await connect(s, BUSY)
  return s
}

/** ns for a message there and back, medians of batches of each scene in turn. */
async function inTurns(scenes, rounds) {
  const figures = scenes.map(() => [])
  for (let i = 0; i < rounds; i++) {
    for (const [k, s] of scenes.entries()) {
      const ns = await batch(s)
      // the first ones warm up
      if (i >= rounds / 5) figures[k].push(ns)
    }
  }
  return figures.map(median)
}

function batch({ a: { host }, busy }) {
  const bytes = new Uint8Array(64)
  const startedAt = process.hrtime.bigint()
  return new Promise((resolve, reject) => {
    let done = 0
    const send = (n) => {
      const id = busy[n % BUSY]
      host.watch(id, (what) => {
        if ((what & EV_READ) === 0) return
        const got = soRecv(host.vnet, host.now(), id, bytes, 0, 64, 0, FROM)
        if (got !== 64) return reject(new Error(`an answer of ${got} bytes`))
        if (++done === BATCH) resolve(Number(process.hrtime.bigint() - startedAt) / BATCH)
        else send(done)
      })
      if (soSend(host.vnet, host.now(), id, bytes, 0, 64, 0) !== 64) reject(new Error('the message could not be sent'))
      host.kick()
    }
    send(0)
  })
}

/** Answers what comes on every connection, with the same bytes. */
function echoing(host) {
  const bytes = new Uint8Array(64)
  const serve = (id) => host.watch(id, (what) => {
    if ((what & EV_READ) === 0) return
    const n = soRecv(host.vnet, host.now(), id, bytes, 0, 64, 0, FROM)
    if (n > 0) soSend(host.vnet, host.now(), id, bytes, 0, n, 0)
    host.kick()
  })
  return (port) => {
    const listener = soCreate(host.vnet, host.now(), AF_INET, SOCK_STREAM, 0)
    check(soBind(host.vnet, host.now(), listener, addrParse('0.0.0.0'), port))
    check(soListen(host.vnet, host.now(), listener, 512))
    host.watch(listener, (what) => {
      if ((what & EV_ACCEPT) === 0) return
      for (let id = soAccept(host.vnet, host.now(), listener); id >= 0; id = soAccept(host.vnet, host.now(), listener)) serve(id)
    })
  }
}

/** Established connections to a port of their own, a hundred at once. */
async function connect(s, count) {
  const { host } = s.a
  const port = 5001 + s.ports++
  s.echo(port)
  const ids = []
  while (ids.length < count) {
    const some = []
    for (let i = 0; i < 100 && ids.length + i < count; i++) {
      const id = soCreate(host.vnet, host.now(), AF_INET, SOCK_STREAM, 0)
      const errno = soConnect(host.vnet, host.now(), id, addrParse(B), port)
      if (errno !== EINPROGRESS) check(errno)
      some.push(new Promise((resolve) => { host.watch(id, () => { resolve(id) }) }))
    }
    host.kick()
    ids.push(...await Promise.all(some))
  }
  return ids
}

async function connections(s, count) {
  for (let left = count; left > 0; left -= PER_PORT) await connect(s, Math.min(left, PER_PORT))
}

/** To networks of 256 addresses, by the other host. */
function routes({ a: { host, ifId } }, count) {
  for (let i = 0; i < count; i++) check(routeAdd(host.vnet.vn, 0x14000000 + i * 256, 24, addrParse(B).w3, ifId, 0))
}

function vnets({ driver }, count) {
  for (let i = 0; i < count; i++) {
    const host = driver.addVnet({ name: `idle${i}`, seed: [i] })
    const [left] = createPair(driver.pool)
    ifAddAddr(host.vnet.vn, host.attach(left, 'eth0'), addrParse(A), 24)
    echoing(host)(5001)
  }
}

function check(errno) {
  if (errno !== 0 && errno !== EAGAIN) throw new Error(errnoName(errno))
}

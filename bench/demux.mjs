/** ns per frame of finding the connection that a segment belongs to, by the size of the table. */

import { Vnet, AF_INET } from '../dist/index.js'
import { addrFromIp4 } from '../dist/lib/addr.js'
import { inpInsert, inpLookup } from '../dist/inet/inptable.js'
import { tcpNewTcb } from '../dist/tcp/tcb.js'
import { nsPerCall, row } from './measure.mjs'

export const demux = { name: 'demux', title: 'Demultiplexing, ns per lookup', run }

const SIZES = [10, 1000, 100_000]

function run(options) {
  const rows = []
  for (const size of SIZES) {
    const { vn } = new Vnet({ seed: [1] })
    const local = addrFromIp4(0x0a000001)
    const peers = []
    const map = new Map()
    for (let i = 0; i < size; i++) {
      const tcb = tcpNewTcb(vn, AF_INET)
      const { inp } = tcb
      const peer = { addr: addrFromIp4(0x0a010000 + (i >> 8)), port: 1024 + (i & 0xff) * 7 }
      inp.laddr = { ...local }
      inp.faddr = { ...peer.addr }
      inp.lport = 80
      inp.fport = peer.port
      inpInsert(vn, vn.state.tcp.table, inp)
      peers.push({ ...peer, key: Math.imul(i + 1, 0x9e3779b1) })
      map.set(Math.imul(i + 1, 0x9e3779b1), tcb)
    }
    const step = stepThrough(size)
    const lookup = nsPerCall((i) => {
      const p = peers[(i * step) % size]
      return inpLookup(vn, vn.state.tcp.table, vn.state.tcp.tcbs, local, 80, p.addr, p.port).inp.fport
    }, options)
    const mapGet = nsPerCall((i) => map.get(peers[(i * step) % size].key).inp.fport, options)
    rows.push(row(`demux${size}ConnectionsNs`, lookup, `mapGet${size}EntriesNs`, mapGet))
  }
  return { rows, note: 'Lookups jump through the table: with 100,000 connections cache misses are part of the figure.' }
}

/** A step that visits every index, far from the one before. */
function stepThrough(size) {
  let step = Math.max(1, Math.floor(size * 0.618))
  while (gcd(step, size) !== 1) step++
  return step
}

function gcd(a, b) {
  return b === 0 ? a : gcd(b, a % b)
}

/** ns per frame of what every frame costs: reading its headers, summing it, and its whole way into a socket. */

import { Driver, addrParse, createPair, frameFrom, ifAddAddr } from '../dist/index.js'
import { checksumAdd, checksumFold } from '../dist/lib/checksum.js'
import { createAddr } from '../dist/lib/addr.js'
import { AF_INET, SOCK_DGRAM } from '../dist/index.js'
import { soBind, soCreate, soRecv } from '../dist/vnet/so.js'
import {
  ETHER_HDR_LEN, ETHER_TYPE, IP_DST, IP_LEN, IP_P, IP_SRC, IP_TTL, TCP_DPORT, TCP_HDR_LEN, TCP_SPORT, TCP_WIN,
  decodeEther, decodeIpv4, decodeTcp, ipHeaderLen, tcpAck, tcpDataOffset, tcpFlags, tcpParseOptions, tcpSeq,
} from '../dist/wire/index.js'
import { createTcpOptions } from '../dist/wire/tcp-options.js'
import { nsPerCall, row } from './measure.mjs'
import { tcpFrameBytes, udpFrameBytes } from './frames.mjs'

export const headers = { name: 'headers', title: 'Headers, checksum and input, ns per frame', run }

/** Frames lie one after the other, as in a pool: no benchmark reads the same cache line all the time. */
const FRAMES = 64

function run(options) {
  const slab = new Uint8Array(2048 * FRAMES)
  const view = new DataView(slab.buffer)
  const one = tcpFrameBytes(1448)
  for (let i = 0; i < FRAMES; i++) slab.set(one, i * 2048)
  const copyTo = new Uint8Array(65_536)
  const big = new Uint8Array(65_536 * 4).map((_, i) => i * 7)
  const bigView = new DataView(big.buffer)
  const read = nsPerCall((i) => view.getUint32((i & (FRAMES - 1)) * 2048), options)
  const copy = (bytes) => nsPerCall((i) => {
    const at = (i & 3) * 65_536
    copyTo.set(big.subarray(at, at + bytes), 0)
    return copyTo[0]
  }, options)
  const sum = (bytes) => nsPerCall((i) => checksumFold(checksumAdd(0, bigView, (i & 3) * 65_536, bytes)), options)
  const opt = createTcpOptions()
  const parse = nsPerCall((i) => parseFast(view, (i & (FRAMES - 1)) * 2048, opt), options)
  const decode = nsPerCall((i) => parseSlow(slab, (i & (FRAMES - 1)) * 2048), options)
  const udp = udpInput(options)
  return {
    rows: [
      row('parseEtherIpTcpNs', parse, 'dataViewReadNs', read),
      row('decodeEtherIpTcpNs', decode, 'parseEtherIpTcpNs', parse),
      ...[64, 1460, 65_483].map((n) => row(`checksum${n}BytesNs`, sum(n), `copy${n}BytesNs`, copy(n))),
      row('udp64ByteFrameToSocketNs', udp, 'parseEtherIpTcpNs', parse),
    ],
  }
}

/** What the fast path reads of an ordinary data segment with timestamps. */
function parseFast(view, at, opt) {
  const ip = at + ETHER_HDR_LEN
  const tcp = ip + ipHeaderLen(view, ip)
  const end = tcp + tcpDataOffset(view, tcp)
  tcpParseOptions(view, tcp + TCP_HDR_LEN, end - tcp - TCP_HDR_LEN, opt)
  return view.getUint16(at + ETHER_TYPE) + view.getUint16(ip + IP_LEN) + view.getUint8(ip + IP_TTL) +
    view.getUint8(ip + IP_P) + view.getInt32(ip + IP_SRC) + view.getInt32(ip + IP_DST) +
    view.getUint16(tcp + TCP_SPORT) + view.getUint16(tcp + TCP_DPORT) + tcpSeq(view, tcp) + tcpAck(view, tcp) +
    tcpFlags(view, tcp) + view.getUint16(tcp + TCP_WIN) + opt.tsVal
}

/** The same headers by the declared layouts: for scripts, errors and printing. */
function parseSlow(slab, at) {
  const ether = decodeEther(slab, at)
  const ip = decodeIpv4(slab, at + 14)
  const tcp = decodeTcp(slab, at + 34)
  return ether.type + ip.len + tcp.win
}

/** A datagram's whole way: link, IP, UDP, socket buffer, and the read that empties it. */
function udpInput(options) {
  const driver = new Driver()
  const host = driver.addVnet({ name: 'bench', seed: [1] })
  const [device] = createPair(driver.pool)
  const ifId = host.attach(device, 'eth0')
  ifAddAddr(host.vnet.vn, ifId, addrParse('10.0.0.2'), 24)
  host.vnet.drainFrames(() => {})
  const socket = soCreate(host.vnet, 0, AF_INET, SOCK_DGRAM, 0)
  soBind(host.vnet, 0, socket, addrParse('0.0.0.0'), 9)
  const f = frameFrom(driver.pool, udpFrameBytes(18, device.mac))
  const { off, len } = f
  const into = new Uint8Array(2048)
  const from = { addr: createAddr(), port: 0, truncated: false }
  const ns = nsPerCall(() => {
    f.off = off
    f.len = len
    f.flags = 0
    f.csum = 0
    host.vnet.input(ifId, f, 1e6)
    const n = soRecv(host.vnet, 1e6, socket, into, 0, 2048, 0, from)
    if (n !== 18) throw new Error(`the datagram did not arrive: ${n}`)
    return n
  }, options)
  driver.close()
  return ns
}

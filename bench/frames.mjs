/** Frames to measure with: 10.0.0.1 sends to 10.0.0.2. */

import { checksumAdd, checksumFold } from '../dist/lib/checksum.js'

const SRC = 0x0a000001
const DST = 0x0a000002

/** Ethernet, IPv4, TCP with timestamps and `n` bytes of data, checksums right. */
export function tcpFrameBytes(n, dstMac = 0x020000000002) {
  return ipFrame(6, 32 + n, dstMac, (view, at) => {
    view.setUint16(at, 40_000)
    view.setUint16(at + 2, 80)
    view.setUint32(at + 4, 0x12345678)
    view.setUint32(at + 8, 0x23456789)
    view.setUint16(at + 12, 0x8018)
    view.setUint16(at + 14, 1000)
    view.setUint32(at + 20, 0x0101080a)
    view.setUint32(at + 24, 1000)
    view.setUint32(at + 28, 900)
    return 16
  })
}

/** Ethernet, IPv4, UDP from port 40000 to 9; 18 bytes make a frame of 64 with its check sequence. */
export function udpFrameBytes(n, dstMac = 0x020000000002) {
  return ipFrame(17, 8 + n, dstMac, (view, at) => {
    view.setUint16(at, 40_000)
    view.setUint16(at + 2, 9)
    view.setUint16(at + 4, 8 + n)
    return 6
  })
}

function ipFrame(protocol, length, dstMac, transport) {
  const bytes = new Uint8Array(34 + length)
  const view = new DataView(bytes.buffer)
  view.setUint16(0, Math.floor(dstMac / 2 ** 32))
  view.setUint32(2, dstMac % 2 ** 32)
  view.setUint16(6, 0x0200)
  view.setUint32(8, 1)
  view.setUint16(12, 0x0800)
  view.setUint16(14, 0x4500)
  view.setUint16(16, 20 + length)
  view.setUint16(20, 0x4000)
  view.setUint8(22, 64)
  view.setUint8(23, protocol)
  view.setUint32(26, SRC)
  view.setUint32(30, DST)
  view.setUint16(24, checksumFold(checksumAdd(0, view, 14, 20)))
  const sumAt = transport(view, 34)
  view.setUint16(34 + sumAt, checksumFold(checksumAdd(SRC + DST + protocol + length, view, 34, length)))
  return bytes
}

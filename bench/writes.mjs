/**
 * What a frame of 1,514 octets costs that is written into a TAP, in batches of 1 … 64: through an io_uring, and one by one. The interface
 * has no address, so the kernel drops what it gets; the best of nine rounds, ns a frame as one JSON object a line.
 *
 *   unshare --net -- node bench/writes.mjs; VIMAGE_IO_URING=0 unshare --net -- node bench/writes.mjs
 *
 * (native/uring.c writes fewer than WORTH_A_RING one by one in any case.)
 */

import { loadNative, NETIF_UP, RECORD_WORDS } from '../dist/host/native.js'

const SIZES = [1, 2, 3, 4, 6, 8, 16, 64]
const LENGTH = 1514
const FRAMES = 40_000
const ROUNDS = 9

const loaded = loadNative()
if (!loaded.available) throw new Error(loaded.why)
const { native } = loaded
const together = native.writesTogether()
const { handle, name } = native.tapOpen('writes%d', 0)
native.netifSet(name, NETIF_UP, 1)
const frame = native.registerArray(new Uint8Array(LENGTH).fill(0xff))
for (const size of SIZES) {
  const records = new Uint32Array(RECORD_WORDS * size)
  const id = native.registerArray(records)
  let best = Infinity
  for (let round = 0; round < ROUNDS; round++) best = Math.min(best, nsPerFrame(records, id, size))
  native.unregisterArray(id)
  console.log(JSON.stringify({ together, size, nsPerFrame: Math.round(best) }))
}
process.exit(0)

function nsPerFrame(records, id, size) {
  const batches = Math.ceil(FRAMES / size)
  const start = process.hrtime.bigint()
  for (let i = 0; i < batches; i++) {
    for (let n = 0; n < size; n++) records.set([frame, 0, LENGTH, 0], n * RECORD_WORDS)
    native.writeBatch(handle, id, 0, size)
  }
  return Number(process.hrtime.bigint() - start) / batches / size
}

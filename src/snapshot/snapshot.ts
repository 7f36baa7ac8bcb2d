/**
 * A Vnet's state as bytes.
 *
 *   "VIMG" | format version | length of what follows the header | checksum (8) | fingerprints | state
 *
 * Everything is little-endian. The fingerprints are one int32 for each kind of record: a hash of its fields' names, so
 * that a snapshot of a stack whose records differ is refused, and says which.
 */

import type { VnetState } from '../vnet/state.ts'
import { checksum } from './checksum.ts'
import { copy } from './copy.ts'
import { decode } from './decode.ts'
import { dump } from './dump.ts'
import type { Dump } from './dump.ts'
import { encode } from './encode.ts'
import { rethrow, SnapshotError } from './fault.ts'
import { createReader, readInt32 } from './reader.ts'
import { VNET } from './schema/vnet.ts'
import { shapePrints } from './shapes.ts'
import { verifyState } from './verify/state.ts'
import { createWriter, writeInt32, writerBytes } from './writer.ts'

/** "VIMG" read as a little-endian int32. */
const MAGIC = 0x474d4956
export const SNAPSHOT_VERSION = 1
export const SNAPSHOT_HEADER = 20
const SUM_AT = 12
/** What gaps between parked bytes may take, of all rings together: they are in no proportion to the snapshot's size. */
const SLACK_BYTES = 256 * 2 ** 20

/** The state as bytes; throws a SnapshotError with the path where it is not what the schema says (a bug). */
export function snapshotEncode(state: VnetState): Uint8Array {
  const w = createWriter()
  w.at = SNAPSHOT_HEADER
  try {
    for (const { print } of shapePrints(VNET, state)) writeInt32(w, print)
    encode(w, VNET, state, state)
  } catch (e) {
    rethrow(e, 'state')
  }
  const out = writerBytes(w)
  const view = new DataView(out.buffer)
  view.setInt32(0, MAGIC, true)
  view.setInt32(4, SNAPSHOT_VERSION, true)
  view.setInt32(8, out.length - SNAPSHOT_HEADER, true)
  snapshotSign(out)
  return out
}

/** Puts the checksum of its contents into a snapshot. */
export function snapshotSign(bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const [low, high] = checksum(bytes, SNAPSHOT_HEADER, bytes.length)
  view.setInt32(SUM_AT, low, true)
  view.setInt32(SUM_AT + 4, high, true)
}

/**
 * Fills `fresh` (a Vnet's state straight from its factories) from a snapshot and returns it. Nothing in the bytes is
 * trusted: a SnapshotError tells the first fault, and `fresh` is then worthless.
 */
export function snapshotDecode(bytes: Uint8Array, fresh: VnetState): VnetState {
  checkHeader(bytes)
  const r = createReader(bytes, SLACK_BYTES)
  r.at = SNAPSHOT_HEADER
  try {
    for (const { path, print } of shapePrints(VNET, fresh)) {
      if (readInt32(r) !== print) throw new SnapshotError('its fields are not those of this version', path)
    }
    decode(r, VNET, fresh)
    if (r.at !== bytes.length) throw new SnapshotError(`${bytes.length - r.at} bytes too many`)
    verifyState(fresh)
  } catch (e) {
    rethrow(e, 'state')
  }
  return fresh
}

/** Fills `fresh` with a copy of `state` and returns it. */
export function snapshotCopy(state: VnetState, fresh: VnetState): VnetState {
  return copy(VNET, state, fresh, state) as VnetState
}

/** The state as canonical JSON (see dump.ts). */
export function snapshotDump(state: VnetState): Dump {
  return dump(VNET, state, state)
}

function checkHeader(bytes: Uint8Array): void {
  if (bytes.length < SNAPSHOT_HEADER) throw new SnapshotError('too short for a header', 'header')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (view.getInt32(0, true) !== MAGIC) throw new SnapshotError('not a snapshot of a Vnet', 'header.magic')
  const version = view.getInt32(4, true)
  if (version !== SNAPSHOT_VERSION) {
    throw new SnapshotError(`version ${version}, this is version ${SNAPSHOT_VERSION}`, 'header.version')
  }
  const length = view.getUint32(8, true)
  const has = bytes.length - SNAPSHOT_HEADER
  if (length !== has) throw new SnapshotError(`${length} bytes declared, ${has} there`, 'header.length')
  const [low, high] = checksum(bytes, SNAPSHOT_HEADER, bytes.length)
  if (view.getInt32(SUM_AT, true) !== low || view.getInt32(SUM_AT + 4, true) !== high) {
    throw new SnapshotError('damaged', 'header.checksum')
  }
}

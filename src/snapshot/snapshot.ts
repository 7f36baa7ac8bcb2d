/**
 * A Vnet's state as bytes.
 *
 *   "VIMG" | format version | length of what follows the header | checksum (8) | table of fields | state
 *
 * Everything is little-endian. The table (fields.ts) lets a build read what another one has written; what it cannot
 * settle, a change of the format itself, is a new format version and a step in migrate.ts.
 */

import type { VnetState } from '../vnet/state.ts'
import { checksum } from './checksum.ts'
import { copy } from './copy.ts'
import { decode } from './decode.ts'
import { dump } from './dump.ts'
import type { Dump } from './dump.ts'
import { encode } from './encode.ts'
import { rethrow, SnapshotError } from './fault.ts'
import { fieldsTable, readPlans } from './fields.ts'
import { migrate } from './migrate.ts'
import type { Shape } from './node.ts'
import { createReader } from './reader.ts'
import { VNET } from './schema/vnet.ts'
import { verifyState } from './verify/state.ts'
import { createWriter, writeRoom, writerBytes } from './writer.ts'

/** "VIMG" read as a little-endian int32. */
const MAGIC = 0x474d4956
export const SNAPSHOT_VERSION = 2
export const SNAPSHOT_HEADER = 20
const SUM_AT = 12
/** What gaps between parked bytes may take, of all rings together: they are in no proportion to the snapshot's size. */
const SLACK_BYTES = 256 * 2 ** 20

/** The state as bytes; throws a SnapshotError with the path where it is not what the schema says (a bug). */
export function snapshotEncode(state: VnetState): Uint8Array {
  return treeEncode(VNET, state)
}

/** As `snapshotEncode`, for any record. */
export function treeEncode(root: Shape, value: object): Uint8Array {
  const w = createWriter()
  w.at = SNAPSHOT_HEADER
  try {
    const table = fieldsTable(root, value)
    const at = writeRoom(w, table.length)
    w.buf.set(table, at)
    encode(w, root, value, value)
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
  treeDecode(bytes, VNET, fresh)
  try {
    verifyState(fresh)
  } catch (e) {
    rethrow(e, 'state')
  }
  return fresh
}

/** As `snapshotDecode`, for any record; nothing but its schema is checked. */
export function treeDecode(bytes: Uint8Array, root: Shape, fresh: object): void {
  const version = checkHeader(bytes)
  try {
    const body = migrate(bytes.subarray(SNAPSHOT_HEADER), version)
    const r = createReader(body, SLACK_BYTES)
    r.plans = readPlans(r, root, fresh)
    decode(r, root, fresh)
    if (r.at !== body.length) throw new SnapshotError(`${body.length - r.at} bytes too many`)
  } catch (e) {
    rethrow(e, 'state')
  }
}

/** Fills `fresh` with a copy of `state` and returns it. */
export function snapshotCopy(state: VnetState, fresh: VnetState): VnetState {
  return copy(VNET, state, fresh, state) as VnetState
}

/** The state as canonical JSON (see dump.ts). */
export function snapshotDump(state: VnetState): Dump {
  return dump(VNET, state, state)
}

/** Returns the format version. */
function checkHeader(bytes: Uint8Array): number {
  if (bytes.length < SNAPSHOT_HEADER) throw new SnapshotError('too short for a header', 'header')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (view.getInt32(0, true) !== MAGIC) throw new SnapshotError('not a snapshot of a Vnet', 'header.magic')
  const version = view.getInt32(4, true)
  if (version < 1 || version > SNAPSHOT_VERSION) {
    throw new SnapshotError(`version ${version}, this reads 1…${SNAPSHOT_VERSION}`, 'header.version')
  }
  const length = view.getUint32(8, true)
  const has = bytes.length - SNAPSHOT_HEADER
  if (length !== has) throw new SnapshotError(`${length} bytes declared, ${has} there`, 'header.length')
  const [low, high] = checksum(bytes, SNAPSHOT_HEADER, bytes.length)
  if (view.getInt32(SUM_AT, true) !== low || view.getInt32(SUM_AT + 4, true) !== high) {
    throw new SnapshotError('damaged', 'header.checksum')
  }
  return version
}

/** Group records into messages that fit the link (RFC 3376 §4.2.16, RFC 3810 §5.2.15). */

import type { Addr } from '../lib/addr.ts'
import { CHANGE_TO_EXCLUDE, MODE_IS_EXCLUDE } from '../wire/igmp.ts'

/** A group record to be sent; its lists are read only. */
export interface McRecord {
  type: number
  group: Addr
  sources: readonly Addr[]
}

// IP header with Router Alert, and what stands before the records
const OVERHEAD_V4 = 20 + 4 + 8
const OVERHEAD_V6 = 40 + 8 + 8

/**
 * The records in order, as messages for packets of at most `mtu` bytes. A record that is too long for one is split; one
 * that says what is excluded is cut, because two halves of it would say something else.
 */
export function packRecords(records: readonly McRecord[], mtu: number, v4: boolean): McRecord[][] {
  const address = v4 ? 4 : 16
  const room = mtu - (v4 ? OVERHEAD_V4 : OVERHEAD_V6)
  const most = Math.max(1, Math.floor((room - 4 - address) / address))
  const messages: McRecord[][] = []
  let left = 0
  for (const record of records) {
    for (const part of split(record, most)) {
      const size = 4 + address + part.sources.length * address
      if (messages.length === 0 || size > left) {
        messages.push([])
        left = room
      }
      messages[messages.length - 1].push(part)
      left -= size
    }
  }
  return messages
}

function split(record: McRecord, most: number): McRecord[] {
  const { type, group, sources } = record
  if (sources.length <= most) return [record]
  if (type === MODE_IS_EXCLUDE || type === CHANGE_TO_EXCLUDE) return [{ type, group, sources: sources.slice(0, most) }]
  const parts: McRecord[] = []
  for (let i = 0; i < sources.length; i += most) parts.push({ type, group, sources: sources.slice(i, i + most) })
  return parts
}

/** What is saved of timers, random numbers and the log. */

import { createLogEntry } from '../../kern/log.ts'
import type { LogEntry, LogState } from '../../kern/log.ts'
import type { RandomState } from '../../kern/random.ts'
import type { Alarm, TimerHeap } from '../../kern/timer.ts'
import type { Addr } from '../../lib/addr.ts'
import { BYTE, COUNT, INT32, list, record, text, TIME, UINT31 } from '../node.ts'

export const ALARM = record<Alarm>(null, { alarmAt: TIME })

export const TIMERS = record<TimerHeap>(null, {
  at: list(TIME), tie: list(COUNT), kind: list(BYTE), owner: list(COUNT), nextTie: COUNT,
})

export const RANDOM = record<RandomState>(null, { key: list(INT32, 4), count: COUNT })

const LOG_ENTRY = record<LogEntry>(() => createLogEntry(0, 0, ''), { at: TIME, level: BYTE, text: text(512) })

export const LOG = record<LogState>(null, { entries: list(LOG_ENTRY), first: COUNT, limit: UINT31 })

/** An address in a record whose factory makes it. */
export const ADDR = record<Addr>(null, { w0: INT32, w1: INT32, w2: INT32, w3: INT32, zone: COUNT })

/** What is saved of ICMP. */

import type { IcmpState } from '../../icmp/state.ts'
import { COUNTERS, MAYBE, record, TIME } from '../node.ts'

export const ICMP = record<IcmpState>(null, { tokens: MAYBE, refilledAt: TIME, stats: COUNTERS })

/** All cases of the differential suite, by area. */

import { ABOVE } from './above.ts'
import { DGRAM } from './dgram.ts'
import { DNS } from './dns.ts'
import { NET_ARGUMENTS } from './net-arguments.ts'
import { NET_LIFE } from './net-life.ts'
import { NET_MORE } from './net-more.ts'
import type { Case } from '../kit.ts'

export const CASES: Readonly<Record<string, readonly Case[]>> = {
  'net: arguments': NET_ARGUMENTS,
  'net: life': NET_LIFE,
  'net: more': NET_MORE,
  dgram: DGRAM,
  dns: DNS,
  above: ABOVE,
}

/** All cases of the differential suite, by area. */

import { NET_ARGUMENTS } from './net-arguments.ts'
import { NET_LIFE } from './net-life.ts'
import type { Case } from '../kit.ts'

export const CASES: Readonly<Record<string, readonly Case[]>> = {
  'net: arguments': NET_ARGUMENTS,
  'net: life': NET_LIFE,
}

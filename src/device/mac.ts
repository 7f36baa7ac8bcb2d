/** Hardware addresses for devices that have none of their own. */

import type { Mac } from '../lib/addr.ts'
import { sipHash32 } from '../lib/siphash.ts'

/** A locally administered unicast address (IEEE 802, 02:…), always the same one for the same name. */
export function macFromName(name: string): Mac {
  const codes: number[] = []
  for (const c of name) codes.push(c.codePointAt(0) as number)
  const low = sipHash32([0x6d616300, 0, 0, 1], codes) >>> 0
  const high = sipHash32([0x6d616300, 0, 0, 2], codes) & 0xff
  return 0x020000000000 + high * 0x100000000 + low
}

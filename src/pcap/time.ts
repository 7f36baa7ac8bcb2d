/** Timestamps of both formats: fractions of any resolution to and from seconds and nanoseconds. */

import type { CaptureTime } from './record.ts'

const NS_PER_SEC = 1_000_000_000
const U64_MAX = 0xffffffffffffffffn

export const TSRESOL_US = 6
export const TSRESOL_NS = 9

/**
 * A pcapng timestamp (two words, if_tsresol, if_tsoffset) as seconds and nanoseconds; what is finer than a
 * nanosecond is cut. Seconds beyond the safe integers are clamped to them: an absurd time costs no packet.
 */
export function timeFromUnits(hi: number, lo: number, tsResol: number, tsOffset: number): CaptureTime {
  const units = unitsPerSec(tsResol)
  const value = (BigInt(hi) << 32n) | BigInt(lo)
  const nsec = Number((value % units) * BigInt(NS_PER_SEC) / units)
  return { sec: clamp(Number(value / units) + tsOffset), nsec }
}

/** The 64-bit count of units since 1970 for if_tsresol (if_tsoffset 0). RangeError when it does not fit. */
export function timeToUnits(time: CaptureTime, tsResol: number): bigint {
  checkTime(time)
  const units = unitsPerSec(tsResol)
  const value = BigInt(time.sec) * units + BigInt(time.nsec) * units / BigInt(NS_PER_SEC)
  if (value > U64_MAX) throw new RangeError(`time ${time.sec} s does not fit 64 bits at if_tsresol ${tsResol}`)
  return value
}

/** A classic timestamp; a fraction of a second or more (seen in broken captures) is carried into the seconds. */
export function timeFromFraction(sec: number, fraction: number, nanos: boolean): CaptureTime {
  const perSec = nanos ? NS_PER_SEC : 1_000_000
  const carry = Math.floor(fraction / perSec)
  return { sec: sec + carry, nsec: (fraction - carry * perSec) * (nanos ? 1 : 1000) }
}

/** Microseconds (since 1970, or since a Vnet's boot) as a capture time; RangeError unless finite and ≥ 0. */
export function timeFromUs(us: number): CaptureTime {
  if (!(us >= 0 && us <= Number.MAX_SAFE_INTEGER)) throw new RangeError(`time ${us} µs is not in 0…2^53`)
  const sec = Math.floor(us / 1e6)
  return { sec, nsec: Math.floor((us - sec * 1e6) * 1000) }
}

/** RangeError unless the time is well formed and not before 1970. */
export function checkTime(time: CaptureTime): void {
  if (!Number.isSafeInteger(time.sec) || time.sec < 0) throw new RangeError(`seconds ${time.sec} is not in 0…2^53`)
  if (!Number.isInteger(time.nsec) || time.nsec < 0 || time.nsec >= NS_PER_SEC) {
    throw new RangeError(`nanoseconds ${time.nsec} is not in 0…999999999`)
  }
}

/** draft-ietf-opsawg-pcapng §4.2: the top bit chooses between powers of ten and of two. */
function unitsPerSec(tsResol: number): bigint {
  if (tsResol === TSRESOL_US) return 1_000_000n
  if (tsResol === TSRESOL_NS) return 1_000_000_000n
  const exponent = BigInt(tsResol & 0x7f)
  return (tsResol & 0x80) === 0 ? 10n ** exponent : 2n ** exponent
}

function clamp(sec: number): number {
  return Math.max(Number.MIN_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, sec))
}

/** Options of pcapng blocks (draft-ietf-opsawg-pcapng §3.5): a bounded walk, and those the reader understands. */

import type { CaptureInterface } from './record.ts'

export const OPT_END = 0
export const OPT_COMMENT = 1
/** Interface description (§4.2). */
export const IF_NAME = 2
export const IF_DESCRIPTION = 3
export const IF_TSRESOL = 9
export const IF_TSOFFSET = 14

/** Longest interface name or description kept; they stay in memory as long as the reader. */
const MAX_NAME_BYTES = 1024

/** Takes one option's value, `len` bytes at `at`; returns '' or what is wrong with it. */
export type OptionVisitor = (code: number, at: number, len: number) => string

/** Visits the options at `at` … `end` up to opt_endofopt; returns '' or what is wrong with the list. */
export function ngOptions(view: DataView, at: number, end: number, le: boolean, visit: OptionVisitor): string {
  let p = at
  while (end - p >= 4) {
    const code = view.getUint16(p, le)
    const len = view.getUint16(p + 2, le)
    if (code === OPT_END) return ''
    if (len > end - p - 4) return `option ${code} of ${len} bytes, but the block has ${end - p - 4} left`
    const bad = visit(code, p + 4, len)
    if (bad !== '') return bad
    p += 4 + ((len + 3) & ~3)
  }
  return ''
}

/** Stores an option of an interface description; unknown ones are left out. */
export function ngInterfaceOption(iface: CaptureInterface, code: number, bytes: Uint8Array, view: DataView, at: number,
  len: number, le: boolean): string {
  switch (code) {
    case IF_NAME: iface.name = text(bytes, at, Math.min(len, MAX_NAME_BYTES)); return ''
    case IF_DESCRIPTION: iface.description = text(bytes, at, Math.min(len, MAX_NAME_BYTES)); return ''
    case IF_TSRESOL:
      if (len !== 1) return `if_tsresol of ${len} bytes, expected 1`
      iface.tsResol = view.getUint8(at)
      return ''
    case IF_TSOFFSET:
      if (len !== 8) return `if_tsoffset of ${len} bytes, expected 8`
      iface.tsOffset = Number(view.getBigInt64(at, le))
      return ''
    default: return ''
  }
}

export function ngComment(comments: string[], code: number, bytes: Uint8Array, at: number, len: number): void {
  if (code === OPT_COMMENT) comments.push(text(bytes, at, len))
}

/** §3.5.1: UTF-8, not terminated; what is not UTF-8 becomes U+FFFD. */
function text(bytes: Uint8Array, at: number, len: number): string {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(at, at + len))
}

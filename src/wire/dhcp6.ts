/** DHCP for IPv6: the message between client and server (RFC 8415 §8) and its options (§21; for DNS RFC 3646). */

import { addr6Read } from '../lib/addr6.ts'
import { createAddr } from '../lib/addr.ts'
import type { Addr } from '../lib/addr.ts'

/** The message type in the first octet, the transaction id in the other three. */
export const DHCP6_HEAD = 0
export const DHCP6_HDR_LEN = 4
export const DHCP6_OPT_HDR_LEN = 4

export const DHCP6_CLIENT_PORT = 546
export const DHCP6_SERVER_PORT = 547

export const DHCP6_SOLICIT = 1
export const DHCP6_ADVERTISE = 2
export const DHCP6_REQUEST = 3
export const DHCP6_CONFIRM = 4
export const DHCP6_RENEW = 5
export const DHCP6_REBIND = 6
export const DHCP6_REPLY = 7
export const DHCP6_RELEASE = 8
export const DHCP6_DECLINE = 9
export const DHCP6_RECONFIGURE = 10
export const DHCP6_INFORMATION_REQUEST = 11

export const D6O_CLIENT_ID = 1
export const D6O_SERVER_ID = 2
export const D6O_IA_NA = 3
export const D6O_IA_ADDR = 5
export const D6O_ORO = 6
export const D6O_PREFERENCE = 7
export const D6O_ELAPSED_TIME = 8
export const D6O_STATUS = 13
export const D6O_RAPID_COMMIT = 14
export const D6O_DNS = 23
export const D6O_DOMAIN_SEARCH = 24
export const D6O_REFRESH_TIME = 32
export const D6O_SOL_MAX_RT = 82
export const D6O_INF_MAX_RT = 83

/** Status codes (§21.13). */
export const D6S_SUCCESS = 0
export const D6S_UNSPEC_FAIL = 1
export const D6S_NO_ADDRS_AVAIL = 2
export const D6S_NO_BINDING = 3
export const D6S_NOT_ON_LINK = 4

/** IA_NA (§21.4): IAID, T1, T2, then options; an IA Address (§21.6): address, preferred and valid lifetime, then options. */
export const IA_NA_LEN = 12
export const IA_NA_T1 = 4
export const IA_NA_T2 = 8
export const IA_ADDR_LEN = 24
export const IA_ADDR_PREFERRED = 16
export const IA_ADDR_VALID = 20

/** A DUID: two octets of type and at most 128 more (§11.1). */
export const DUID_MIN = 3
export const DUID_MAX = 130
/** DUID type: made of a link-layer address (§11.4). */
export const DUID_LL = 3

const NAME_MAX = 253

/** An option's value is in [at, end) of the bytes it was read from. */
export interface Dhcp6Option { code: number; at: number; end: number }

/** The options in [at, end), in order; null where one runs over the end, which spoils the message. */
export function dhcp6Options(view: DataView, at: number, end: number): Dhcp6Option[] | null {
  const options: Dhcp6Option[] = []
  for (let p = at; p < end;) {
    if (p + DHCP6_OPT_HDR_LEN > end) return null
    const to = p + DHCP6_OPT_HDR_LEN + view.getUint16(p + 2)
    if (to > end) return null
    options.push({ code: view.getUint16(p), at: p + DHCP6_OPT_HDR_LEN, end: to })
    p = to
  }
  return options
}

/** The first option of a code, or null. */
export function dhcp6Find(options: readonly Dhcp6Option[], code: number): Dhcp6Option | null {
  return options.find((o) => o.code === code) ?? null
}

/** An option of four octets, unsigned, or `none` where it is absent or of another length. */
export function dhcp6Word(view: DataView, options: readonly Dhcp6Option[], code: number, none: number): number {
  const o = dhcp6Find(options, code)
  return o !== null && o.end - o.at === 4 ? view.getUint32(o.at) : none
}

/** The code of a Status Code option; Success where there is none (§21.13), UnspecFail where it has no room for a code. */
export function dhcp6Status(view: DataView, options: readonly Dhcp6Option[]): number {
  const o = dhcp6Find(options, D6O_STATUS)
  if (o === null) return D6S_SUCCESS
  return o.end - o.at < 2 ? D6S_UNSPEC_FAIL : view.getUint16(o.at)
}

/** The addresses of an option; none where its length is no multiple of sixteen (RFC 3646 §3). */
export function dhcp6Addresses(view: DataView, options: readonly Dhcp6Option[], code: number): Addr[] {
  const o = dhcp6Find(options, code)
  const list: Addr[] = []
  if (o === null || (o.end - o.at) % 16 !== 0) return list
  for (let p = o.at; p < o.end; p += 16) {
    const a = createAddr()
    addr6Read(view, p, a)
    list.push(a)
  }
  return list
}

/** The names of an option, never compressed (§10); at most `most`. What is malformed, or no host name, ends the list. */
export function dhcp6Names(view: DataView, options: readonly Dhcp6Option[], code: number, most: number): string[] {
  const o = dhcp6Find(options, code)
  const names: string[] = []
  if (o === null) return names
  let labels: string[] = []
  for (let p = o.at; p < o.end && names.length < most; p++) {
    const n = view.getUint8(p)
    if (n === 0) {
      const name = labels.join('.')
      if (name !== '' && name.length <= NAME_MAX) names.push(name)
      labels = []
      continue
    }
    if (n > 63 || p + n >= o.end) return names
    let label = ''
    for (let i = 1; i <= n; i++) label += String.fromCharCode(view.getUint8(p + i))
    if (!/^[\w-]+$/.test(label)) return names
    labels.push(label)
    p += n
  }
  return names
}

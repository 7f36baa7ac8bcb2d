/** Ping from inside a Vnet: echo requests over a raw socket, replies and errors as events (RFC 792, RFC 4443 §4). */

import { SOCK_RAW, SOL_IP, IP_TTL, SO_BROADCAST, SO_RCVBUF, SO_SNDBUF, SOL_SOCKET } from '../inet/sockopt.ts'
import { AF_INET, AF_INET6 } from '../inet/state.ts'
import { randomBelow } from '../kern/random.ts'
import { EV_READ } from '../kern/vn.ts'
import { addrIsV4, createAddr } from '../lib/addr.ts'
import type { Addr } from '../lib/addr.ts'
import { checksumAdd, checksumFold } from '../lib/checksum.ts'
import { errnoName, errnoText } from '../lib/errno.ts'
import type { Runner } from '../vnet/runner.ts'
import { soBind, soClose, soCreate, soRecv, soSendTo, soSetOpt } from '../vnet/so.ts'
import type { SoFrom } from '../vnet/so.ts'
import { ICMP_CODE, ICMP_ECHO, ICMP_ECHOREPLY, ICMP_HDR_LEN, ICMP_ID, ICMP_SEQ, ICMP_SUM, ICMP_TYPE, icmpIsError }
  from '../wire/icmp.ts'
import { IP_HDR_LEN, IP_MAXPACKET, IP_P, IP_TTL as IP_TTL_AT, IP_VHL, IPPROTO_ICMP, IPPROTO_ICMPV6 } from '../wire/ipv4.ts'
import { ICMP6_ECHO_REPLY, ICMP6_ECHO_REQUEST, icmp6IsError } from '../wire/icmpv6.ts'
import { IP6_HDR_LEN, IP6_NXT } from '../wire/ipv6.ts'
import { parseAddress, printAddress } from './address.ts'
import { manageCheck } from './error.ts'
import type { PingEvent, PingOptions, PingSummary } from './ping-events.ts'

export interface Ping {
  /** Ends it now; the summary is the last event. A second call does nothing. */
  stop(): void
}

/** Starts at once; the last event is the summary. ManageError when it cannot even start. */
export function startPing(runner: Runner, options: PingOptions, onEvent: (event: PingEvent) => void): Ping {
  const to = parseAddress(runner.vnet, options.host)
  const id = openSocket(runner, options, !addrIsV4(to))
  const pinger = new Pinger(runner, id, to, options, onEvent)
  pinger.start()
  return pinger
}

function openSocket(runner: Runner, options: PingOptions, six: boolean): number {
  const { vnet } = runner
  const now = runner.now()
  const id = six ? soCreate(vnet, now, AF_INET6, SOCK_RAW, IPPROTO_ICMPV6) : soCreate(vnet, now, AF_INET, SOCK_RAW, IPPROTO_ICMP)
  manageCheck(id < 0 ? -id : 0, 'cannot open a raw socket')
  const errno = configureSocket(runner, id, options)
  if (errno !== 0) {
    soClose(vnet, now, id)
    runner.kick()
    manageCheck(errno, `cannot ping ${options.host}${options.source === '' ? '' : ` from ${options.source}`}`)
  }
  return id
}

function configureSocket(runner: Runner, id: number, options: PingOptions): number {
  const { vnet } = runner
  const now = runner.now()
  const room = IP_MAXPACKET * 4
  let errno = soSetOpt(vnet, now, id, SOL_SOCKET, SO_SNDBUF, IP_MAXPACKET)
  errno ||= soSetOpt(vnet, now, id, SOL_SOCKET, SO_RCVBUF, room)
  errno ||= soSetOpt(vnet, now, id, SOL_SOCKET, SO_BROADCAST, 1)
  if (options.ttl !== 0) errno ||= soSetOpt(vnet, now, id, SOL_IP, IP_TTL, options.ttl)
  if (options.source !== '') {
    errno ||= soBind(vnet, now, id, parseAddress(vnet, options.source), 0)
  }
  return errno
}

class Pinger implements Ping {
  readonly #runner: Runner
  readonly #id: number
  readonly #to: Addr
  readonly #options: PingOptions
  readonly #onEvent: (event: PingEvent) => void
  readonly #ident: number
  readonly #six: boolean
  /** Sequence number → when it was sent (µs), negative once answered; at most 65,536 of them. */
  readonly #sent = new Map<number, number>()
  readonly #packet: Uint8Array
  readonly #view: DataView
  readonly #into = new Uint8Array(IP_MAXPACKET)
  readonly #intoView = new DataView(this.#into.buffer)
  readonly #from: SoFrom = { addr: createAddr(), port: 0, truncated: false }
  #timer: NodeJS.Timeout | null = null
  #ended = false
  #transmitted = 0
  #received = 0
  #duplicates = 0
  #errors = 0
  #min = Infinity
  #max = 0
  #sum = 0
  #sumOfSquares = 0

  constructor(runner: Runner, id: number, to: Addr, options: PingOptions, onEvent: (event: PingEvent) => void) {
    this.#runner = runner
    this.#id = id
    this.#to = to
    this.#six = !addrIsV4(to)
    this.#options = options
    this.#onEvent = onEvent
    this.#ident = randomBelow(runner.vnet.state.random, 0x10000)
    this.#packet = new Uint8Array(ICMP_HDR_LEN + options.sizeBytes)
    this.#view = new DataView(this.#packet.buffer)
    for (let i = 0; i < options.sizeBytes; i++) this.#packet[ICMP_HDR_LEN + i] = i & 0xff
  }

  start(): void {
    this.#runner.watch(this.#id, (what) => {
      if ((what & EV_READ) !== 0) this.#receive()
    })
    this.#onEvent({ type: 'start', host: printAddress(this.#runner.vnet, this.#to), sizeBytes: this.#options.sizeBytes })
    this.#next()
  }

  stop(): void {
    if (this.#ended) return
    this.#ended = true
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#runner.unwatch(this.#id)
    soClose(this.#runner.vnet, this.#runner.now(), this.#id)
    this.#runner.kick()
    this.#onEvent(this.#summary())
  }

  #next(): void {
    if (this.#ended) return
    this.#send()
    const last = this.#options.count > 0 && this.#transmitted >= this.#options.count
    const delayMs = last ? this.#options.timeoutMs : this.#options.intervalMs
    this.#timer = setTimeout(() => (last ? this.stop() : this.#next()), delayMs)
  }

  #send(): void {
    const seq = this.#transmitted++ & 0xffff
    const { vnet } = this.#runner
    const bytes = this.#packet
    this.#view.setUint8(ICMP_TYPE, this.#six ? ICMP6_ECHO_REQUEST : ICMP_ECHO)
    this.#view.setUint16(ICMP_ID, this.#ident)
    this.#view.setUint16(ICMP_SEQ, seq)
    this.#view.setUint16(ICMP_SUM, 0)
    // the stack fills in ICMPv6's, whose pseudo-header has the source that it chooses (RFC 3542 §3.1)
    if (!this.#six) this.#view.setUint16(ICMP_SUM, checksumFold(checksumAdd(0, this.#view, 0, bytes.length)))
    const now = this.#runner.now()
    this.#sent.set(seq, now)
    const n = soSendTo(vnet, now, this.#id, bytes, 0, bytes.length, this.#to, 0)
    this.#runner.kick()
    if (n >= 0) return
    this.#errors++
    this.#onEvent({ type: 'sendError', seq, code: errnoName(-n), message: errnoText(-n) })
  }

  #receive(): void {
    while (!this.#ended) {
      const n = soRecv(this.#runner.vnet, this.#runner.now(), this.#id, this.#into, 0, IP_MAXPACKET, 0, this.#from)
      if (n < 0) break
      this.#packetIn(n)
    }
    this.#runner.kick()
  }

  /** What a raw socket gets begins with the IP header, unless it is of IPv6. */
  #packetIn(length: number): void {
    const view = this.#intoView
    if (this.#six) return this.#packet6In(length)
    const icmp = length < IP_HDR_LEN ? length : (view.getUint8(IP_VHL) & 15) << 2
    if (length < icmp + ICMP_HDR_LEN) return
    const type = view.getUint8(icmp + ICMP_TYPE)
    if (type === ICMP_ECHOREPLY && view.getUint16(icmp + ICMP_ID) === this.#ident) {
      this.#reply(view.getUint16(icmp + ICMP_SEQ), length - icmp, view.getUint8(IP_TTL_AT))
    } else if (icmpIsError(type)) this.#error(icmp, length)
  }

  #packet6In(length: number): void {
    const view = this.#intoView
    if (length < ICMP_HDR_LEN) return
    const type = view.getUint8(ICMP_TYPE)
    if (type === ICMP6_ECHO_REPLY && view.getUint16(ICMP_ID) === this.#ident) {
      this.#reply(view.getUint16(ICMP_SEQ), length, 0)
    } else if (icmp6IsError(type)) this.#error(0, length)
  }

  #reply(seq: number, bytes: number, ttl: number): void {
    const at = this.#sent.get(seq)
    if (at === undefined) return
    const duplicate = at < 0
    const rttUs = Math.round(this.#runner.now() - Math.abs(at))
    if (duplicate) this.#duplicates++
    else {
      this.#received++
      this.#sent.set(seq, -at)
      this.#min = Math.min(this.#min, rttUs)
      this.#max = Math.max(this.#max, rttUs)
      this.#sum += rttUs
      this.#sumOfSquares += rttUs * rttUs
    }
    this.#onEvent({ type: 'reply', from: printAddress(this.#runner.vnet, this.#from.addr), bytes, seq, ttl, rttUs, duplicate })
    if (this.#options.count > 0 && this.#received >= this.#options.count) this.stop()
  }

  /** RFC 792: an error quotes the header and first eight bytes of what it is about. */
  #error(icmp: number, length: number): void {
    const view = this.#intoView
    const quoted = icmp + ICMP_HDR_LEN
    const header = this.#six ? IP6_HDR_LEN : IP_HDR_LEN
    if (length < quoted + header) return
    const proto = view.getUint8(quoted + (this.#six ? IP6_NXT : IP_P))
    if (proto !== (this.#six ? IPPROTO_ICMPV6 : IPPROTO_ICMP)) return
    const echo = quoted + (this.#six ? header : (view.getUint8(quoted + IP_VHL) & 15) << 2)
    if (length < echo + ICMP_HDR_LEN) return
    if (view.getUint8(echo + ICMP_TYPE) !== (this.#six ? ICMP6_ECHO_REQUEST : ICMP_ECHO)) return
    if (view.getUint16(echo + ICMP_ID) !== this.#ident) return
    this.#errors++
    this.#onEvent({
      type: 'unreachable', from: printAddress(this.#runner.vnet, this.#from.addr), seq: view.getUint16(echo + ICMP_SEQ),
      icmpType: view.getUint8(icmp + ICMP_TYPE), icmpCode: view.getUint8(icmp + ICMP_CODE),
    })
  }

  #summary(): PingSummary {
    const n = this.#received
    const avg = n === 0 ? -1 : this.#sum / n
    return {
      type: 'end', host: printAddress(this.#runner.vnet, this.#to), transmitted: this.#transmitted, received: n,
      duplicates: this.#duplicates, errors: this.#errors, rttMinUs: n === 0 ? -1 : this.#min, rttAvgUs: Math.round(avg),
      rttMaxUs: n === 0 ? -1 : this.#max,
      rttStddevUs: n === 0 ? -1 : Math.round(Math.sqrt(Math.max(0, this.#sumOfSquares / n - avg * avg))),
    }
  }
}

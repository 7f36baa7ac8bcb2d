/** What TCP keeps for opening connections: secrets of SYN cookies (RFC 4987 §3.6), and Fast Open (RFC 7413). */

import { createAddr } from '../lib/addr.ts'
import type { Addr } from '../lib/addr.ts'

/** Tcb.fastFlags: TCP Fast Open (RFC 7413). */
/** The user wants it for the next connect (TCP_FASTOPEN_CONNECT). */
export const FO_CONNECT = 1
/** connect is done, and the SYN waits for the user's first data. */
export const FO_DEFERRED = 2
/** Our SYN asks for a cookie or carries one, and has not been answered. */
export const FO_ACTIVE = 4
/** Opened by the peer's SYN with its cookie: data flows before the handshake's last ACK. */
export const FO_PASSIVE = 8
/** Our first SYN,ACK has a cookie for the peer; in the option's experimental form. (In Syncache.fastFlags, too.) */
export const FO_GIVE = 16
export const FO_EXP = 32

/** Secrets of SYN cookies (syncookie.ts): two keys that take turns. */
export interface SynCookies {
  /** Four words each. */
  keys: number[]
  /** Which one makes cookies now (0 or 1), and since when, µs. */
  current: number
  since: number
}

/** What is known of Fast Open to a server's port (RFC 7413 §4.1.3). */
export interface FastPath {
  laddr: Addr
  faddr: Addr
  fport: number
  /** Big-endian words, zeros behind the end; 0 octets: none. */
  cookie: number[]
  cookieLen: number
  /** The server uses the option's experimental form. */
  exp: boolean
  /** The server's MSS option, or 0. */
  mss: number
  /** When this was learnt, and until when Fast Open is not tried, µs. */
  at: number
  blockedUntil: number
}

/** Fast Open: two keys of cookies as in SynCookies, and paths to servers, oldest first. */
export interface FastOpen {
  keys: number[]
  current: number
  since: number
  paths: FastPath[]
}

export function createSynCookies(): SynCookies {
  return { keys: [0, 0, 0, 0, 0, 0, 0, 0], current: 0, since: -Infinity }
}

export function createFastOpen(): FastOpen {
  return { keys: [0, 0, 0, 0, 0, 0, 0, 0], current: 0, since: -Infinity, paths: [] }
}

export function createFastPath(): FastPath {
  return {
    laddr: createAddr(), faddr: createAddr(), fport: 0, cookie: [0, 0, 0, 0], cookieLen: 0, exp: false, mss: 0, at: 0,
    blockedUntil: 0,
  }
}

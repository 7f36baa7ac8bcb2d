/** What the user of a TCP socket has set beside the standard's parameters; a listener's connections begin with its settings. */

export interface UserOptions {
  /** TCP_KEEPINIT, TCP_SYNCNT: ms to establish a connection; 0: net.inet.tcp.keepinit. */
  keepInitMs: number
  /** TCP_LINGER2: ms in FIN-WAIT-2 without a user; 0: net.inet.tcp.finwait2_timeout, −1: none at all. */
  finWait2Ms: number
  /** TCP_DEFER_ACCEPT: timeouts of a half-open connection after which an ACK without data completes it; 0: any does. */
  deferAccept: number
  /** TCP_WINDOW_CLAMP: the largest window to be offered, 0: no limit. */
  windowClamp: number
  /** SO_RCVLOWAT, SO_SNDLOWAT: octets to be read, room to write, from which on the socket is ready. */
  rcvLowat: number
  sndLowat: number
  /** TCP_NOTSENT_LOWAT: octets not sent from which on nothing more is taken; 0: net.inet.tcp.notsent_lowat. */
  notsentLowat: number
  /** TCP_NOOPT: no TCP options. */
  noOptions: boolean
  /** SO_OOBINLINE: the urgent octet stays among the others (RFC 6093 §6); otherwise MSG_OOB reads it. */
  oobInline: boolean
  /** Not in line: MSG_OOB has had the octet before the mark; the octet of a mark that was passed without, or −1. */
  oobTaken: boolean
  oobOctet: number
}

export function createUserOptions(): UserOptions {
  return {
    keepInitMs: 0, finWait2Ms: 0, deferAccept: 0, windowClamp: 0, rcvLowat: 1, sndLowat: 1, notsentLowat: 0, noOptions: false,
    oobInline: true, oobTaken: false, oobOctet: -1,
  }
}

/** Those of every socket whose user has set nothing: most. */
export const USER_DEFAULTS: Readonly<UserOptions> = Object.freeze(createUserOptions())

/** A socket's settings, to be changed: its own from now on. */
export function userOptionsIn(owner: { user: Readonly<UserOptions> }): UserOptions {
  if (owner.user === USER_DEFAULTS) owner.user = createUserOptions()
  return owner.user
}

/** A connection begins with the settings of its listener. */
export function userOptionsCopy(owner: { user: Readonly<UserOptions> }, from: Readonly<UserOptions>): void {
  if (from === USER_DEFAULTS) return
  const to = userOptionsIn(owner)
  to.keepInitMs = from.keepInitMs
  to.finWait2Ms = from.finWait2Ms
  to.windowClamp = from.windowClamp
  to.rcvLowat = from.rcvLowat
  to.sndLowat = from.sndLowat
  to.notsentLowat = from.notsentLowat
  to.noOptions = from.noOptions
  to.oobInline = from.oobInline
}

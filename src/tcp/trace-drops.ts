/** Where it says that such a segment is to be discarded. */

/** The clause for a counter of drops, or ''. */
export function dropClause(counter: string): string {
  return Object.hasOwn(CLAUSES, counter) ? CLAUSES[counter] : ''
}

const CLAUSES: Readonly<Record<string, string>> = Object.freeze({
  rcvbadsum: 'RFC 9293 §3.1',
  rcvbadoff: 'RFC 9293 §3.1',
  rcvshort: 'RFC 9293 §3.1',
  rcvbadaddr: 'RFC 9293 §3.9.2.3',
  rcvnoack: 'RFC 9293 §3.10.7.4',
  rcvduppack: 'RFC 9293 §3.10.7.4',
  rcvoutwin: 'RFC 9293 §3.10.7.4',
  rcvafterfin: 'RFC 9293 §3.10.7.4',
  rcvafterclose: 'RFC 9293 §3.6.1',
  rcvacktoomuch: 'RFC 9293 §3.10.7.4',
  rcvackold: 'RFC 5961 §5.2',
  rcvnots: 'RFC 7323 §3.2',
  pawsdrop: 'RFC 7323 §5.3',
  badrst: 'RFC 5961 §3.2',
  badsyn: 'RFC 5961 §4.2',
  noport: 'RFC 9293 §3.10.7.1',
  synsentbad: 'RFC 9293 §3.10.7.3',
  listenbad: 'RFC 9293 §3.10.7.2',
  scBadack: 'RFC 9293 §3.10.7.4',
  twRst: 'RFC 1337 §3',
  twDrop: 'RFC 9293 §3.10.7.4',
  sigRcvbadsig: 'RFC 2385 §2.0',
  sigErrNosigopt: 'RFC 2385 §2.0',
  aoRcvBad: 'RFC 5925 §7.5',
  aoRcvMalformed: 'RFC 5925 §2.2',
  aoRcvNoopt: 'RFC 5925 §7.5',
  aoRcvNokey: 'RFC 5925 §7.3',
  aoRcvNoconn: 'RFC 5925 §7.7',
  aoIcmpIgnored: 'RFC 5925 §7.8',
  ctlignored: 'RFC 5927 §4.1',
})

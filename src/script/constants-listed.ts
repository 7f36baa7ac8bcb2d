/**
 * Socket options that scripts set and that change nothing that a peer or the script could see here (they are about
 * other subsystems, logs or the host's own scheduling), and constants that stand beside them. Their numbers mean
 * nothing: they only tell one from another.
 */

/** Set and read back, without any effect; a stack's own option of the same name goes before. */
export function isPassiveOption(name: string): boolean {
  return PASSIVE.includes(name)
}

const PASSIVE: readonly string[] = Object.freeze([
  'SO_PRIORITY', 'SO_MARK', 'SO_BUSY_POLL', 'SO_PREFER_BUSY_POLL', 'SO_INCOMING_CPU', 'SO_INCOMING_NAPI_ID',
  'SO_NOSIGPIPE', 'SO_SETFIB', 'SO_TIMESTAMP', 'SO_TIMESTAMPNS', 'SO_BINTIME', 'SO_TS_CLOCK', 'SO_USER_COOKIE',
  'SO_LABEL', 'SO_DEBUG', 'SO_PASSCRED', 'SO_LOCK_FILTER', 'SO_RXQ_OVFL', 'SO_USELOOPBACK', 'SO_RESERVE_MEM',
  'SO_TXREHASH', 'SO_NO_DDP', 'SO_NO_OFFLOAD',
  'IP_BIND_ADDRESS_NO_PORT',
  'TCP_LOG', 'TCP_LOGBUF', 'TCP_LOGID', 'TCP_LOGDUMP', 'TCP_LOGDUMPID', 'TCP_LOG_ID_CNT', 'TCP_LOG_TAG',
  'TCP_LOG_LIMIT', 'TCP_PCAP_IN', 'TCP_PCAP_OUT', 'TCP_USER_LOG', 'TCP_REUSPORT_LB_NUMA',
])

/** A number for a name of these, so that expressions with it can be read; null for another. */
export function listedValue(name: string): number | null {
  if (isPassiveOption(name)) return FIRST + PASSIVE.indexOf(name)
  return Object.hasOwn(VALUES, name) ? VALUES[name] : null
}

const FIRST = 0x7000

const VALUES: Readonly<Record<string, number>> = Object.freeze({
  TCP_LOG_STATE_OFF: 0, TCP_LOG_STATE_TAIL: 1, TCP_LOG_STATE_HEAD: 2, TCP_LOG_STATE_CONTINUAL: 4,
  TCP_FUNCTION_BLK: 0x2000, TCP_FUNCTION_ALIAS: 0x2001,
})

/** Ports of the simple services: an answer to one of them would start an endless exchange (CERT CA-1996-01). */

const LOOPING = Object.freeze([7, 13, 17, 19, 37])

export function isServicePort(port: number): boolean {
  return LOOPING.includes(port)
}

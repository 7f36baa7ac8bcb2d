/**
 * Variables of the congestion control algorithms: numbers in `Tcb.ccVars`, each at the place that its algorithm's file
 * names. How many each algorithm has stands here, so that a restored record can be checked.
 */

/** Windows beyond this make no sense with 30 bits of advertised window (RFC 7323 §2.3). */
export const CWND_MAX = 0x3fffffff

/** Length of `Tcb.ccVars` by algorithm, in the order of cc/names.ts. */
export const CC_VARS: readonly number[] = Object.freeze([6, 19, 49])

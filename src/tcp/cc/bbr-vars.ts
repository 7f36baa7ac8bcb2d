/**
 * BBR's variables: their places in `Tcb.ccVars`, and its constants (draft-ietf-ccwg-bbr §2, §5). Rates are in bytes per
 * second, amounts in bytes, times in µs since boot; NONE stands for the draft's Infinity.
 */

export const NONE = 0x1fffffffffffff

/** §5.1: states of the machine. */
export const BBR_STARTUP = 0
export const BBR_DRAIN = 1
export const BBR_DOWN = 2
export const BBR_CRUISE = 3
export const BBR_REFILL = 4
export const BBR_UP = 5
export const BBR_PROBE_RTT = 6

/** What the ACKs that come in are about (§5.3.3.6). */
export const ACKS_INIT = 0
export const ACKS_REFILLING = 1
export const ACKS_PROBE_STARTING = 2
export const ACKS_PROBE_FEEDBACK = 3
export const ACKS_PROBE_STOPPING = 4

export const BB_STATE = 0
/** BBR's own cwnd: recovery may set another meanwhile. And the one to go back to after recovery or probe-RTT. */
export const BB_CWND = 1
export const BB_PRIOR_CWND = 2
/** Total of delivered bytes when the ACK before was processed, and of lost bytes when the loss round began. */
export const BB_DELIVERED = 3
export const BB_LOSS_ROUND_LOST = 4
/** Rounds: a round is over when what was sent after its beginning is delivered. */
export const BB_NEXT_ROUND = 5
export const BB_ROUND_START = 6
/** Largest bandwidth of the probing cycle before this and of this (§5.5.5). */
export const BB_BW_BEFORE = 7
export const BB_BW_NOW = 8
/** Bounds of the short term (bw_lo, inflight_lo) and of the long (inflight_hi). */
export const BB_BW_SHORT = 9
export const BB_INFLIGHT_SHORT = 10
export const BB_INFLIGHT_LONG = 11
/** Largest samples of this loss round, its end, whether it begins with this ACK, and whether a mark or timeout came in it. */
export const BB_BW_LATEST = 12
export const BB_INFLIGHT_LATEST = 13
export const BB_LOSS_ROUND = 14
export const BB_LOSS_ROUND_START = 15
export const BB_LOSS_IN_ROUND = 16
/** Whether the pipe is full: now, ever; the bandwidth of reference, and rounds without 25 % more. */
export const BB_FULL_NOW = 17
export const BB_FULL = 18
export const BB_FULL_BW = 19
export const BB_FULL_COUNT = 20
/** Smallest round trip of ten seconds, and of five (what probe-RTT is for), with their times. */
export const BB_MIN_RTT = 21
export const BB_MIN_RTT_AT = 22
export const BB_PROBE_RTT_MIN = 23
export const BB_PROBE_RTT_AT = 24
/** Probe-RTT lasts until then (0: not yet known), and for a round. */
export const BB_PROBE_RTT_DONE = 25
export const BB_PROBE_RTT_ROUND = 26
/** Probing for bandwidth: phase of the ACKs, beginning of the phase, how long to wait, rounds since the last probe. */
export const BB_ACK_PHASE = 27
export const BB_CYCLE_AT = 28
export const BB_WAIT_US = 29
export const BB_ROUNDS_SINCE = 30
/** Whether losses are those of a probe; growth of inflight_hi: bytes acknowledged, bytes for one segment, rounds. */
export const BB_PROBING = 31
export const BB_UP_ACKS = 32
export const BB_UP_CNT = 33
export const BB_UP_ROUNDS = 34
/** ACK aggregation (§5.5.9): beginning and bytes of the interval; largest excess of these rounds and of those before. */
export const BB_EXTRA_AT = 35
export const BB_EXTRA_BYTES = 36
export const BB_EXTRA_NOW = 37
export const BB_EXTRA_BEFORE = 38
export const BB_EXTRA_ROUNDS = 39
/** Bytes lost and delivered at the beginning of the round, and rounds in a row with a congestion mark in them. */
export const BB_ROUND_LOST = 40
export const BB_ROUND_DELIVERED = 41
export const BB_MARKED = 42
export const BB_MARKED_ROUNDS = 43
/** Total of delivered bytes when the loss round began. */
export const BB_LOSS_ROUND_DELIVERED = 44
/** Before the last loss: the state, and the bounds, should it turn out to have been none (§5.5.10). */
export const BB_UNDO_STATE = 45
export const BB_UNDO_BW_SHORT = 46
export const BB_UNDO_INFLIGHT_SHORT = 47
export const BB_UNDO_INFLIGHT_LONG = 48
export const BBR_VARS = 49

/** §2.4, §5.3: gains by state, of the pacing rate and of cwnd. */
export const PACING_GAIN: readonly number[] = Object.freeze([2.77, 0.5, 0.9, 1, 1, 1.25, 1])
export const CWND_GAIN: readonly number[] = Object.freeze([2, 2, 2, 2, 2, 2.25, 0.5])
/** §5.2.6: a hundredth below the estimate, so that queues drain. */
export const PACING_MARGIN = 0.99
/** §5.5.10: tolerated loss, and the multiplicative decrease. */
export const LOSS_THRESH = 0.02
/** What chance may add to it, in standard deviations. */
export const LOSS_DEVIATIONS = 2
export const BETA = 0.7
/** §5.3.3.2: room that is left to others while cruising. */
export const HEADROOM = 0.15
export const FULL_BW_GROWTH = 1.25
export const FULL_BW_COUNT = 3
/** Losses (in segments) and marked rounds from which on they end startup. */
export const STARTUP_LOSSES = 6
export const STARTUP_MARKED_ROUNDS = 2
export const MIN_PIPE_SEGMENTS = 4
export const MIN_RTT_WINDOW_US = 10e6
export const PROBE_RTT_INTERVAL_US = 5e6
export const PROBE_RTT_US = 200_000
export const EXTRA_ROUNDS = 10
/** §5.3.3.5.2: rounds after which Reno would have probed, at most. */
export const RENO_ROUNDS = 63

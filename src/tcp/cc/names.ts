/** Names of the congestion control algorithms, in the order of their numbers (net.inet.tcp.cc.algorithm). */

export const CC_NAMES: readonly string[] = Object.freeze(['newreno'])

export const CC_NEWRENO = 0

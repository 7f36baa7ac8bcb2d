/** Names of the congestion control algorithms, in the order of their numbers (net.inet.tcp.cc.algorithm). */

export const CC_NAMES: readonly string[] = Object.freeze(['newreno', 'cubic', 'bbr'])

export const CC_NEWRENO = 0
export const CC_CUBIC = 1
export const CC_BBR = 2

/** Socket option names, with Linux's numbers. */

export const SOL_SOCKET = 1
export const SO_REUSEADDR = 2
export const SO_TYPE = 3
export const SO_ERROR = 4
export const SO_DONTROUTE = 5
export const SO_BROADCAST = 6
export const SO_SNDBUF = 7
export const SO_RCVBUF = 8
export const SO_KEEPALIVE = 9
export const SO_OOBINLINE = 10
export const SO_LINGER = 13
export const SO_REUSEPORT = 15
export const SO_RCVLOWAT = 18
export const SO_SNDLOWAT = 19
/** Of blocking calls, which only scripts have (script/timeouts.ts). */
export const SO_RCVTIMEO = 20
export const SO_SNDTIMEO = 21
/** Read only: whether the socket listens, its protocol, its family. */
export const SO_ACCEPTCONN = 30
export const SO_PROTOCOL = 38
export const SO_DOMAIN = 39
/** Bytes per second, 0 for no limit. */
export const SO_MAX_PACING_RATE = 47

export const SOL_IP = 0
export const IP_TOS = 1
export const IP_TTL = 2
export const IP_HDRINCL = 3
/** Octets (soSetIpOptions); what came with a datagram, as it came and as it goes back. */
export const IP_OPTIONS = 4
export const IP_RECVOPTS = 6
export const IP_RETOPTS = 7
export const IP_PKTINFO = 8
export const IP_MTU_DISCOVER = 10
export const IP_RECVTTL = 12
export const IP_RECVTOS = 13
/** FreeBSD's, whose number stands for something else on Linux. */
export const IP_RECVDSTADDR = 1003
/** Multicast: here an interface id, 0 for that of the route. */
export const IP_MULTICAST_IF = 32
export const IP_MULTICAST_TTL = 33
export const IP_MULTICAST_LOOP = 34
/** Also what other sockets have joined; off, as on FreeBSD. */
export const IP_MULTICAST_ALL = 49

export const SOL_IPV6 = 41
export const IPV6_MULTICAST_IF = 17
export const IPV6_MULTICAST_HOPS = 18
export const IPV6_MULTICAST_LOOP = 19
export const IPV6_MULTICAST_ALL = 29

/** Multicast requests of both families (RFC 3678 §5.1), with Linux's numbers. */
export const MCAST_JOIN_GROUP = 42
export const MCAST_BLOCK_SOURCE = 43
export const MCAST_UNBLOCK_SOURCE = 44
export const MCAST_LEAVE_GROUP = 45
export const MCAST_JOIN_SOURCE_GROUP = 46
export const MCAST_LEAVE_SOURCE_GROUP = 47

export const IPV6_UNICAST_HOPS = 16
export const IPV6_MTU_DISCOVER = 23
export const IPV6_V6ONLY = 26
export const IPV6_RECVPKTINFO = 49
export const IPV6_PKTINFO = 50
export const IPV6_RECVHOPLIMIT = 51
export const IPV6_HOPLIMIT = 52
export const IPV6_DONTFRAG = 62
export const IPV6_RECVTCLASS = 66
export const IPV6_TCLASS = 67

/** Values of IP_MTU_DISCOVER: never set DF, use the path MTU, always set DF, always set DF and ignore the path MTU. */
export const PMTUD_DONT = 0
export const PMTUD_WANT = 1
export const PMTUD_DO = 2
export const PMTUD_PROBE = 3

export const SOL_TCP = 6
export const TCP_NODELAY = 1
export const TCP_MAXSEG = 2
export const TCP_CORK = 3
export const TCP_KEEPIDLE = 4
export const TCP_KEEPINTVL = 5
export const TCP_KEEPCNT = 6
export const TCP_SYNCNT = 7
export const TCP_LINGER2 = 8
export const TCP_DEFER_ACCEPT = 9
export const TCP_WINDOW_CLAMP = 10
export const TCP_QUICKACK = 12
/** Congestion control: here a number (CC_NAMES), by name at the surfaces. */
export const TCP_CONGESTION = 13
export const TCP_USER_TIMEOUT = 18
export const TCP_FASTOPEN = 23
export const TCP_NOTSENT_LOWAT = 25
export const TCP_FASTOPEN_CONNECT = 30
/** Kept for the control messages of a stream (how much is left); known to the surfaces only. */
export const TCP_INQ = 36
/** Not a number of Linux's or FreeBSD's: the socket's events are traced (docs/trace.md). */
export const TCP_TRACE = 1000
/** FreeBSD's, whose numbers stand for something else on Linux. */
export const TCP_NOOPT = 1001
export const TCP_KEEPINIT = 1002

export const SOCK_STREAM = 1
export const SOCK_DGRAM = 2
export const SOCK_RAW = 3

/** Flags of send and receive calls. */
export const MSG_OOB = 1
export const MSG_PEEK = 2
export const MSG_DONTROUTE = 4
export const MSG_TRUNC = 32
export const MSG_FASTOPEN = 0x2000_0000

/** `how` of shutdown. */
export const SHUT_RD = 0
export const SHUT_WR = 1
export const SHUT_RDWR = 2

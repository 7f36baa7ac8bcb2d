/**
 * Error numbers. Protocol functions return one of these (0 is success; calls that return a count return
 * the negative); only the socket surface turns them into an `Error` with a POSIX `code`. Linux's numbers.
 */

export const EPERM = 1
export const ENOENT = 2
export const EINTR = 4
export const EIO = 5
export const EBADF = 9
export const EAGAIN = 11
export const ENOMEM = 12
export const EACCES = 13
export const EFAULT = 14
export const EBUSY = 16
export const EEXIST = 17
export const ENODEV = 19
export const EINVAL = 22
export const EMFILE = 24
export const EPIPE = 32
export const EDOM = 33
export const ENOTSOCK = 88
export const EDESTADDRREQ = 89
export const EMSGSIZE = 90
export const EPROTOTYPE = 91
export const ENOPROTOOPT = 92
export const EPROTONOSUPPORT = 93
export const EOPNOTSUPP = 95
export const EAFNOSUPPORT = 97
export const EADDRINUSE = 98
export const EADDRNOTAVAIL = 99
export const ENETDOWN = 100
export const ENETUNREACH = 101
export const ECONNABORTED = 103
export const ECONNRESET = 104
export const ENOBUFS = 105
export const EISCONN = 106
export const ENOTCONN = 107
export const ETIMEDOUT = 110
export const ECONNREFUSED = 111
export const EHOSTDOWN = 112
export const EHOSTUNREACH = 113
export const EALREADY = 114
export const EINPROGRESS = 115

const NAMES: Readonly<Record<number, readonly [code: string, text: string]>> = Object.freeze({
  [EPERM]: ['EPERM', 'operation not permitted'],
  [ENOENT]: ['ENOENT', 'no such file or directory'],
  [EINTR]: ['EINTR', 'interrupted system call'],
  [EIO]: ['EIO', 'input/output error'],
  [EBADF]: ['EBADF', 'bad socket descriptor'],
  [EAGAIN]: ['EAGAIN', 'resource temporarily unavailable'],
  [ENOMEM]: ['ENOMEM', 'not enough memory'],
  [EACCES]: ['EACCES', 'permission denied'],
  [EFAULT]: ['EFAULT', 'bad address'],
  [EBUSY]: ['EBUSY', 'resource busy'],
  [EEXIST]: ['EEXIST', 'exists already'],
  [ENODEV]: ['ENODEV', 'no such device'],
  [EINVAL]: ['EINVAL', 'invalid argument'],
  [EMFILE]: ['EMFILE', 'too many sockets'],
  [EPIPE]: ['EPIPE', 'broken pipe'],
  [EDOM]: ['EDOM', 'argument out of range'],
  [ENOTSOCK]: ['ENOTSOCK', 'not a socket'],
  [EDESTADDRREQ]: ['EDESTADDRREQ', 'destination address required'],
  [EMSGSIZE]: ['EMSGSIZE', 'message too long'],
  [EPROTOTYPE]: ['EPROTOTYPE', 'wrong protocol type for socket'],
  [ENOPROTOOPT]: ['ENOPROTOOPT', 'protocol not available'],
  [EPROTONOSUPPORT]: ['EPROTONOSUPPORT', 'protocol not supported'],
  [EOPNOTSUPP]: ['EOPNOTSUPP', 'operation not supported on socket'],
  [EAFNOSUPPORT]: ['EAFNOSUPPORT', 'address family not supported'],
  [EADDRINUSE]: ['EADDRINUSE', 'address already in use'],
  [EADDRNOTAVAIL]: ['EADDRNOTAVAIL', 'address not available'],
  [ENETDOWN]: ['ENETDOWN', 'network is down'],
  [ENETUNREACH]: ['ENETUNREACH', 'network is unreachable'],
  [ECONNABORTED]: ['ECONNABORTED', 'connection aborted'],
  [ECONNRESET]: ['ECONNRESET', 'connection reset by peer'],
  [ENOBUFS]: ['ENOBUFS', 'no buffer space available'],
  [EISCONN]: ['EISCONN', 'socket is connected'],
  [ENOTCONN]: ['ENOTCONN', 'socket is not connected'],
  [ETIMEDOUT]: ['ETIMEDOUT', 'connection timed out'],
  [ECONNREFUSED]: ['ECONNREFUSED', 'connection refused'],
  [EHOSTDOWN]: ['EHOSTDOWN', 'host is down'],
  [EHOSTUNREACH]: ['EHOSTUNREACH', 'host is unreachable'],
  [EALREADY]: ['EALREADY', 'operation already in progress'],
  [EINPROGRESS]: ['EINPROGRESS', 'operation now in progress'],
})

export function errnoName(errno: number): string {
  return NAMES[errno]?.[0] ?? `E${errno}`
}

export function errnoText(errno: number): string {
  return NAMES[errno]?.[1] ?? `error ${errno}`
}

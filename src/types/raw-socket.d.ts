/** Types of the part of raw-socket 1.8.1 that `src/host/raw-ip.ts` uses; the package ships none. */
declare module 'raw-socket' {
  export interface RawSocketOptions {
    /** IP protocol number. */
    protocol?: number
    /** AddressFamily.IPv4 by default. */
    addressFamily?: number
    /** Size of the one buffer that every received message is a slice of. */
    bufferSize?: number
  }

  export interface RawSocket {
    on(event: 'message', listener: (buffer: Buffer, source: string) => void): this
    on(event: 'error', listener: (error: Error) => void): this
    on(event: 'close', listener: () => void): this
    /** The buffer must stay unchanged until `after` is called. */
    send(
      buffer: Buffer, offset: number, length: number, address: string,
      after: (error: Error | null, bytes: number) => void,
    ): this
    setOption(level: number, option: number, value: number): void
    setOption(level: number, option: number, value: Buffer, length: number): void
    close(): this
  }

  export function createSocket(options?: RawSocketOptions): RawSocket
  export const SocketLevel: Readonly<Record<'SOL_SOCKET' | 'IPPROTO_IP' | 'IPPROTO_IPV6', number>>
  export const SocketOption: Readonly<Record<'IP_HDRINCL' | 'SO_BINDTODEVICE' | 'SO_RCVBUF' | 'SO_SNDBUF', number>>
}

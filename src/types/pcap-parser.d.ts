/** Types of the part of pcap-parser 0.2.1 that the tests use as an independent reader; the package ships none. */
declare module 'pcap-parser' {
  import type { Readable } from 'node:stream'

  export interface GlobalHeader {
    magicNumber: number
    majorVersion: number
    minorVersion: number
    snapshotLength: number
    linkLayerType: number
  }

  export interface Packet {
    header: {
      timestampSeconds: number
      timestampMicroseconds: number
      capturedLength: number
      originalLength: number
    }
    data: Uint8Array
  }

  export interface Parser {
    on(event: 'globalHeader', listener: (header: GlobalHeader) => void): this
    on(event: 'packet', listener: (packet: Packet) => void): this
    on(event: 'error', listener: (error: Error) => void): this
    on(event: 'end', listener: () => void): this
  }

  export function parse(input: string | Readable): Parser
}

/** A NAT of a simulation: a router with a network inside that nobody outside sees. */

import type { Device } from '../device/device.ts'
import { NatDevice } from '../device/nat.ts'
import type { NatConfig, NatStats } from '../device/nat.ts'
import { ip4Parse } from '../lib/addr.ts'
import type { FramePool } from '../lib/frame.ts'
import type { TestHost } from './host.ts'
import type { Segment } from './topology.ts'
import { durationUs } from './units.ts'
import type { Duration } from './units.ts'
import type { TestSwitch } from './world.ts'

export interface NatOptions {
  /** The network inside (default 192.168.0.0/24). */
  subnet?: string
  /** How long a mapping lives without packets (default 5 min; RFC 5382 REQ-5 asks for 2 h 4 min, many boxes have less). */
  tcpTimeout?: Duration
  udpTimeout?: Duration
  /** Who may send to a mapping (default: only whom its host has sent to, address and port). */
  filtering?: NatConfig['filtering']
  /** What happens to a segment of a connection that the NAT has forgotten: it gets a new port ('map'), or is dropped (default). */
  midstream?: NatConfig['midstream']
}

/** Ports that it gives away begin here. */
export const NAT_FIRST_PORT = 20_000

export class Nat {
  readonly host: TestHost
  /** What hosts behind it are linked to. */
  readonly inside: TestSwitch
  readonly #options: NatOptions
  readonly #side: { now(): number; pool: FramePool; note(text: string): void }
  #device: NatDevice | null = null

  constructor(host: TestHost, inside: TestSwitch, options: NatOptions, side: { now(): number; pool: FramePool; note(text: string): void }) {
    this.host = host
    this.inside = inside
    this.#options = options
    this.#side = side
  }

  get name(): string {
    return this.host.name
  }

  /** All mappings are forgotten, as by a box that was switched off and on: connections through it get other ports. */
  rebind(): void {
    this.#device?.rebind()
    this.#side.note(`NAT ${this.name} forgets its mappings`)
  }

  get stats(): Readonly<NatStats> | null {
    return this.#device?.natStats ?? null
  }

  get mappings(): number {
    return this.#device?.mappings ?? 0
  }

  /** The device for a link that is plugged in: one that translates, unless it leads inside. */
  wrap(device: Device, segment: Segment, address: string): Device {
    if (segment === this.inside.segment) return device
    if (this.#device !== null) throw new RangeError(`NAT ${this.name} has a link to the outside already`)
    const { tcpTimeout = '5min', udpTimeout = '30s', filtering = 'address-and-port-dependent', midstream = 'drop' } = this.#options
    this.#device = new NatDevice(device, this.#side, this.#side.pool, {
      outside: ip4Parse(address) ?? 0, firstPort: NAT_FIRST_PORT, filtering, midstream,
      timeouts: { udpUs: durationUs(udpTimeout), tcpUs: durationUs(tcpTimeout), tcpClosingUs: 10e6, icmpUs: 60e6 },
    })
    return this.#device
  }
}

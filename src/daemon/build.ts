/** Making what a configuration describes: TAPs, bridges, vimages. Each step leaves behind how to undo it. */

import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import type { Device } from '../device/device.ts'
import { impairDevice } from '../device/impair.ts'
import { Switch } from '../device/switch.ts'
import type { Driver } from '../host/driver.ts'
import type { VnetHost } from '../host/vnet-host.ts'
import { openRawIp } from '../host/raw-ip.ts'
import { openTap } from '../host/tap.ts'
import type { TapDevice } from '../host/tap.ts'
import { LOG_INFO } from '../kern/log.ts'
import { addrPrint, ip4Print, macPrint } from '../lib/addr.ts'
import { addr6NeedsZone } from '../lib/addr6.ts'
import { createNdAdvertConfig, createNdAdvertPrefix } from '../nd/state-adverts.ts'
import type { NdAdvertConfig } from '../nd/state-adverts.ts'
import { ND_PREF_HIGH, ND_PREF_LOW, ND_PREF_MEDIUM } from '../nd/state-auto.ts'
import type { ServiceOptions } from '../service/service.ts'
import { interfaceAdvertise, interfaceAuto } from '../vimage/autoconf.ts'
import { ManageError } from '../vimage/error.ts'
import { interfaceAddAddress, interfaceAnnounce, interfaceDhcp, interfaceDhcp6, interfaceSetMtu } from '../vimage/interfaces.ts'
import { messageWrite } from '../vimage/messages.ts'
import { routeInsert } from '../vimage/routes.ts'
import { sysctlAssign } from '../vimage/sysctls.ts'
import { Vimage } from '../vimage/vimage.ts'
import { captureToFile } from './capture-file.ts'
import { createCapturePoint } from './capture-point.ts'
import type { CapturePoint } from './capture-point.ts'
import type {
  AddrPrefix, AdvertiseConfig, BridgeConfig, InterfaceConfig, Prefix, ServiceConfig, TapConfig, VimageConfig,
} from './config-types.ts'
import { thereAre } from './listings.ts'
import type { Logger } from './log.ts'
import type { SavedVimage } from './saved-vimage.ts'

export interface BuildContext {
  readonly driver: Driver
  readonly log: Logger
  readonly bridges: Map<string, Switch>
  readonly vimages: Map<string, Vimage>
  readonly made: Map<string, MadeVimage>
  readonly points: CapturePoint[]
  /** How to undo what was made, in the order of making. Synchronous and not to throw. */
  readonly undo: (() => void)[]
  /** 'optional': go on without a TAP that cannot be opened; 'none': do not even try. */
  readonly taps: 'required' | 'optional' | 'none'
  /** Sentences about what is missing. */
  readonly missing: string[]
}

/** A vimage with what belongs to it in this process. */
export interface MadeVimage {
  readonly vimage: Vimage
  readonly host: VnetHost
  readonly config: VimageConfig
  /** As BuildContext.undo, of this vimage alone. */
  readonly undo: (() => void)[]
}

/** A learning switch with its TAPs. Throws where a TAP cannot be opened and is not optional. */
export function buildBridge(c: BuildContext, config: BridgeConfig): void {
  const sw = new Switch({
    name: config.name, clock: c.driver, pool: c.driver.pool, ageUs: config.ageingS * 1_000_000,
  })
  c.bridges.set(config.name, sw)
  c.undo.push(() => sw.close())
  for (const tapConfig of config.taps) {
    const tap = buildTap(c, tapConfig, 0, 0)
    if (tap === null) continue
    const { device, point } = createCapturePoint(tap, config.name, 'bridge', tap.name)
    const port = sw.addDevice(device, tap.name)
    c.points.push(point)
    tap.onGone = () => {
      sw.removePort(port.id)
      c.log.error({ bridge: config.name }, `TAP ${tap.name} was removed by somebody else; its port is gone`)
    }
  }
}

/** A Vnet with its interfaces, routes, tunables and services. Throws ManageError, TapError, SocketError. */
export function buildVimage(daemon: BuildContext, config: VimageConfig): void {
  make(daemon, config, (c) => {
    const host = c.driver.addVnet({ name: config.name, ...(config.seed.length > 0 ? { seed: config.seed } : {}) })
    const vimage = new Vimage(host)
    c.undo.push(() => c.driver.removeVnet(host))
    for (const { name, value } of config.sysctls) sysctlAssign(host, name, value)
    const missing = new Set<string>()
    for (const ifc of config.interfaces) if (!buildInterface(c, host, config, ifc)) missing.add(ifc.name)
    for (const route of config.routes) {
      if (missing.size > 0 && (route.interface === '' || missing.has(route.interface))) continue
      // a link-local gateway has its interface for a zone (RFC 4007 §6)
      const via = route.via === null ? ''
        : addr6NeedsZone(route.via) ? `${addrPrint(route.via)}%${route.interface}` : addrPrint(route.via)
      routeInsert(host, { to: addrPrefixText(route.to), via, interface: route.interface })
    }
    for (const service of config.services) vimage.startService(service.name, serviceOptions(service))
    c.undo.push(() => vimage.services.splice(0).forEach((service) => service.stop()))
    recordRun(c, host, config)
    c.log.debug({ vimage: config.name, interfaces: config.interfaces.length }, 'vimage made')
    return { vimage, host, config, undo: c.undo }
  })
}

/**
 * A vimage that was saved goes on here: its links are opened by the names they had, its services take up their
 * conversations, and its addresses are announced (RFC 5227 §2.3), so that switches learn where they are now. Throws
 * SnapshotError, ManageError, TapError; nothing is left of it then.
 */
export function resumeVimage(daemon: BuildContext, { config, services, snapshot }: SavedVimage): void {
  make(daemon, config, (c) => {
    const bindings: Record<string, Device> = {}
    for (const ifc of config.interfaces) {
      const base = openLink(c, config, ifc)
      if (base !== null) bindings[ifc.name] = watched(c, base, config, ifc)
    }
    const host = c.driver.restoreVnet(snapshot, bindings)
    c.undo.push(() => c.driver.removeVnet(host))
    const vimage = new Vimage(host)
    for (const [i, service] of config.services.entries()) {
      vimage.startService(service.name, { ...serviceOptions(service), saved: services[i] })
    }
    c.undo.push(() => vimage.services.splice(0).forEach((service) => service.abandon()))
    interfaceAnnounce(host)
    recordRun(c, host, config)
    c.log.info({ vimage: config.name, connections: host.vnet.state.tcp.tcbs.size }, 'vimage goes on')
    return { vimage, host, config, undo: c.undo }
  })
}

/** The `record:` of a vimage: a file of its own for each run, a.vimlog, a.vimlog.2, … */
function recordRun(c: BuildContext, host: VnetHost, { name, record }: VimageConfig): void {
  if (record === '') return
  let file = record
  for (let n = 2; existsSync(file); n++) file = `${record}.${n}`
  const recorder = host.record(file, {
    onEnd: (reason) => { c.log.error({ vimage: name, file, reason }, 'the recording has ended') },
  })
  c.undo.push(() => recorder.close())
  c.log.info({ vimage: name, file }, 'recording')
}

/** What is made of a vimage is undone as one, when it ends, or at once when a step of it fails. */
function make(daemon: BuildContext, config: VimageConfig, steps: (c: BuildContext) => MadeVimage): void {
  const undo: (() => void)[] = []
  const c: BuildContext = { ...daemon, undo }
  try {
    const made = steps(c)
    daemon.made.set(config.name, made)
    daemon.vimages.set(config.name, made.vimage)
  } catch (error) {
    undoAll(undo, daemon.log)
    throw error
  }
}

/** Ends a vimage, or what was left of it. */
export function undoAll(undo: (() => void)[], log: Logger): void {
  for (let step = undo.pop(); step !== undefined; step = undo.pop()) {
    try {
      step()
    } catch (error) {
      log.error({ err: (error as Error).message }, 'something could not be undone')
    }
  }
}

function serviceOptions({ port, root, zones }: ServiceConfig): ServiceOptions {
  return { ...(port === 0 ? {} : { port }), ...(root === '' ? {} : { root }), zones }
}

/** False when its TAP is optional and missing. */
function buildInterface(c: BuildContext, host: VnetHost, vimage: VimageConfig, config: InterfaceConfig): boolean {
  const base = openLink(c, vimage, config)
  if (base === null) return false
  const device = watched(c, base, vimage, config)
  const ifId = host.attach(device, config.name)
  if ('onGone' in base) {
    base.onGone = () => {
      host.detach(ifId)
      c.log.error({ vimage: vimage.name }, `the device of ${config.name} is gone, and the interface with it`)
    }
  }
  if (config.mtu !== 0 && config.mtu !== device.mtu) interfaceSetMtu(host, config.name, config.mtu)
  const mac = device.mac === 0 ? '' : `, Ethernet address ${macPrint(device.mac)}`
  messageWrite(host, LOG_INFO, `${config.name}: on ${linkWords(config)}${mac}, MTU ${config.mtu || device.mtu}`)
  for (const address of config.addresses) interfaceAddAddress(host, config.name, addrPrefixText(address), config.probe)
  if (config.dhcp) interfaceDhcp(host, config.name, true)
  if (config.dhcp6) interfaceDhcp6(host, config.name, true)
  if (config.auto) interfaceAuto(host, config.name, true)
  if (config.advertise !== null) interfaceAdvertise(host, config.name, advertConfig(config.advertise))
  return true
}

function advertConfig(a: AdvertiseConfig): NdAdvertConfig {
  return {
    ...createNdAdvertConfig(),
    // a third, as RFC 4861 §6.2.1 has it, and 3 s at least
    minS: Math.max(3, Math.floor(a.intervalS / 3)), maxS: a.intervalS, lifetimeS: a.lifetimeS, linkMtu: a.mtu,
    preference: a.preference === 'high' ? ND_PREF_HIGH : a.preference === 'low' ? ND_PREF_LOW : ND_PREF_MEDIUM,
    prefixes: a.prefixes.map((p) => createNdAdvertPrefix(p.addr, p.prefixLen)), servers: a.dns, search: a.search,
    dnsLifetimeS: 3 * a.intervalS,
  }
}

/** The device with its impairments and its capture point. */
function watched(c: BuildContext, base: Device, vimage: VimageConfig, config: InterfaceConfig): Device {
  const { device, point } = createCapturePoint(impaired(c, base, vimage, config), vimage.name, 'vimage', config.name)
  c.points.push(point)
  c.undo.push(() => c.points.splice(c.points.indexOf(point), 1))
  if (config.capture !== '') c.undo.push(captureToFile(point, config.capture, c.log))
  return device
}

/** The device under an interface; null for a TAP that is optional and missing. */
function openLink(
  c: BuildContext, vimage: VimageConfig, config: InterfaceConfig,
): (Device & { onGone?: unknown }) | null {
  const { link } = config
  const mtu = config.mtu === 0 ? {} : { mtu: config.mtu }
  if (link.kind === 'tap') {
    // an impaired link loses single segments
    const merge = link.tap.merge && config.impair === null
    return buildTap(c, { ...link.tap, merge }, config.mac, config.mtu)
  }
  if (link.kind === 'raw') {
    const device = openRawIp({ pool: c.driver.pool, protocol: link.protocol, name: config.name, ...mtu })
    c.undo.push(() => device.close())
    return device
  }
  const sw = c.bridges.get(link.bridge)
  if (sw === undefined) {
    throw new ManageError('ENOENT', `there is no bridge "${link.bridge}" here; ${thereAre(c.bridges.keys())}`)
  }
  const mac = config.mac === 0 ? {} : { mac: config.mac }
  const port = sw.addPort(`${vimage.name}/${config.name}`, { ...mac, ...mtu })
  c.undo.push(() => sw.removePort(port.id))
  return port.device
}

function impaired(c: BuildContext, base: Device, vimage: VimageConfig, config: InterfaceConfig): Device {
  if (config.impair === null) return base
  const seed = vimage.seed.length > 0 ? vimage.seed : [randomBytes(4).readInt32BE()]
  return impairDevice(base, {
    clock: c.driver, pool: c.driver.pool, seed, tx: config.impair.out, rx: config.impair.in,
  })
}

/** Opens a TAP and sets up the kernel's end. `mac` and `mtu` (0: none) are those of a stack bound to it. */
function buildTap(c: BuildContext, config: TapConfig, mac: number, mtu: number): TapDevice | null {
  if (c.taps === 'none') return null
  let device: TapDevice
  const wanted = config.mtu || mtu
  try {
    device = openTap({
      pool: c.driver.pool, name: config.name, mode: config.attach ? 'attach' : 'create', offload: config.offload,
      threaded: config.threaded, merge: config.merge,
      ...(wanted === 0 ? {} : { mtu: wanted }), ...(mac === 0 ? {} : { mac }),
    })
  } catch (error) {
    if (c.taps === 'required') throw error
    c.missing.push((error as Error).message)
    return null
  }
  c.undo.push(() => device.close())
  const { tap } = device
  if (config.mac !== 0) tap.setKernelMac(config.mac)
  if (config.address !== null) tap.setKernelAddress(config.address.ip, config.address.prefixLen)
  if (config.up ?? !config.attach) tap.setUp(true)
  else if (config.up === false) tap.setUp(false)
  const kernel = config.address === null ? {} : { kernelAddress: prefixText(config.address) }
  c.log.info({ mtuBytes: device.mtu, ...kernel }, `TAP ${device.name} ${config.attach ? 'attached' : 'made'}`)
  return device
}

function linkWords(config: InterfaceConfig): string {
  const { link } = config
  if (link.kind === 'bridge') return `bridge ${link.bridge}`
  return link.kind === 'tap' ? `TAP ${link.tap.name}` : 'a raw socket of the host'
}

function prefixText(p: Prefix): string {
  return `${ip4Print(p.ip)}/${p.prefixLen}`
}

function addrPrefixText(p: AddrPrefix): string {
  return `${addrPrint(p.addr)}/${p.prefixLen}`
}

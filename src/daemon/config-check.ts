/** What the values of a configuration have to do with each other: names used once, names that exist, free ports. */

import { addrIsV4, addrPrint, ip4Mask } from '../lib/addr.ts'
import type { Addr } from '../lib/addr.ts'
import { addr6IsLinkLocal, prefixEq } from '../lib/addr6.ts'
import { SYSCTL_DEFAULTS, SYSCTLS, sysctlDef, sysctlSet } from '../vnet/sysctl.ts'
import { sysctlExpected } from '../vimage/sysctls.ts'
import type { DaemonConfig, InterfaceConfig, TapConfig, VimageConfig } from './config-types.ts'
import { didYouMean } from './nearest.ts'
import { servicePorts } from './service-ports.ts'

/** Path into the file, and what is wrong there. */
export interface CheckProblem {
  path: (string | number)[]
  message: string
}

/** Longest path of a Unix socket (sun_path, less its terminating zero). */
export const MAX_SOCKET_PATH = 107

/** Everything that is wrong with a configuration of the right shape. */
export function checkConfig(config: Omit<DaemonConfig, 'file'>): CheckProblem[] {
  const problems: CheckProblem[] = []
  const taps = new Unique(problems, 'TAP')
  const bridges = new Unique(problems, 'bridge')
  const vimages = new Unique(problems, 'vimage')
  config.bridges.forEach((bridge, i) => {
    bridges.add(bridge.name, ['bridges', i, 'name'])
    bridge.taps.forEach((tap, k) => {
      taps.add(tap.name, ['bridges', i, 'taps', k, 'name'])
      checkTap(tap, ['bridges', i, 'taps', k], problems)
    })
  })
  config.vimages.forEach((vimage, i) => {
    vimages.add(vimage.name, ['vimages', i, 'name'])
    checkInterfaces(config, vimage, ['vimages', i, 'interfaces'], taps, problems)
    checkRoutes(vimage, ['vimages', i, 'routes'], problems)
    checkAdverts(vimage, ['vimages', i, 'interfaces'], problems)
    checkSysctls(vimage, ['vimages', i, 'sysctl'], problems)
    checkServices(vimage, ['vimages', i, 'services'], problems)
  })
  if (Buffer.byteLength(config.control) > MAX_SOCKET_PATH) {
    problems.push({ path: ['control'], message: `expected at most ${MAX_SOCKET_PATH} bytes, found ${config.control}` })
  }
  return problems
}

function checkTap(tap: TapConfig, path: (string | number)[], problems: CheckProblem[]): void {
  if (tap.up === false && tap.address !== null) {
    problems.push({ path: [...path, 'up'], message: 'expected true or no address: an address brings the interface up' })
  }
}

function checkInterfaces(
  config: Omit<DaemonConfig, 'file'>, vimage: VimageConfig, path: (string | number)[], taps: Unique,
  problems: CheckProblem[],
): void {
  const names = new Unique(problems, 'interface')
  const addresses = new Unique(problems, 'address')
  const captures = new Unique(problems, 'capture file')
  names.add('lo0', [])
  vimage.interfaces.forEach((ifc, i) => {
    names.add(ifc.name, [...path, i, 'name'])
    if (ifc.capture !== '') captures.add(ifc.capture, [...path, i, 'capture'])
    ifc.addresses.forEach((a, k) => addresses.add(addrPrint(a.addr), [...path, i, 'addresses', k]))
    checkLink(config, ifc, [...path, i], taps, problems)
  })
}

function checkLink(
  config: Omit<DaemonConfig, 'file'>, ifc: InterfaceConfig, path: (string | number)[], taps: Unique,
  problems: CheckProblem[],
): void {
  const { link } = ifc
  if (link.kind === 'tap') {
    taps.add(link.tap.name, [...path, 'tap', 'name'])
    checkTap(link.tap, [...path, 'tap'], problems)
  }
  if (link.kind === 'bridge' && !config.bridges.some((b) => b.name === link.bridge)) {
    const known = config.bridges.map((b) => b.name)
    const expected = known.length === 0 ? 'a bridge, but "bridges" lists none' : `one of ${known.join(', ')}`
    const hint = didYouMean(link.bridge, known)
    problems.push({ path: [...path, 'bridge'], message: `expected ${expected}, found "${link.bridge}"${hint}` })
  }
  if (link.kind === 'raw') {
    if (ifc.mac !== 0) problems.push({ path: [...path, 'mac'], message: 'a raw interface has no hardware address' })
    if (ifc.probe) problems.push({ path: [...path, 'probe'], message: 'a raw interface has no link to probe on' })
    if (ifc.advertise !== null) problems.push({ path: [...path, 'advertise'], message: 'a raw interface has no hosts to advertise to' })
    if (ifc.dhcp6) problems.push({ path: [...path, 'addresses'], message: 'a raw interface hears no servers: "dhcp6" needs Ethernet' })
    if (ifc.auto) problems.push({ path: [...path, 'addresses'], message: 'a raw interface hears no routers: "auto" needs Ethernet' })
  }
}

function checkRoutes(vimage: VimageConfig, path: (string | number)[], problems: CheckProblem[]): void {
  const seen = new Unique(problems, 'route')
  vimage.routes.forEach((route, i) => {
    const via = route.via === null ? '' : addrPrint(route.via)
    seen.add(`${addrPrint(route.to.addr)}/${route.to.prefixLen} ${via} ${route.interface}`, [...path, i, 'to'])
    const ifc = vimage.interfaces.find((x) => x.name === route.interface)
    if (route.interface !== '' && ifc === undefined) {
      const known = vimage.interfaces.map((x) => x.name).join(', ')
      problems.push({
        path: [...path, i, 'interface'], message: `expected one of ${known}, found "${route.interface}"`,
      })
      return
    }
    const through = ifc === undefined ? vimage.interfaces : [ifc]
    if (route.via !== null && !through.some((x) => reaches(x, route.via as Addr))) {
      const where = ifc === undefined ? 'an interface of this vimage' : ifc.name
      problems.push({
        path: [...path, i, 'via'], message: `expected a neighbour on ${where}, found ${via}`,
      })
    }
  })
}

/** Hosts send nothing that is not theirs to what does not forward (RFC 4861 §6.2.2: then it is no default router). */
function checkAdverts(vimage: VimageConfig, path: (string | number)[], problems: CheckProblem[]): void {
  const forwards = vimage.sysctls.some((s) => s.name === 'net.inet6.ip6.forwarding' && s.value !== '0')
  vimage.interfaces.forEach((ifc, i) => {
    if (ifc.advertise === null || ifc.advertise.lifetimeS === 0 || forwards) return
    const message = 'expected lifetimeSeconds: 0, or sysctl net.inet6.ip6.forwarding: 1: what does not forward is no default router'
    problems.push({ path: [...path, i, 'advertise'], message })
  })
}

/** The gateway is on the interface's link, as far as the file knows. */
function reaches(ifc: InterfaceConfig, via: Addr): boolean {
  if (addrIsV4(via)) return ifc.addresses.some((a) => addrIsV4(a.addr) && ((a.addr.w3 ^ via.w3) & ip4Mask(a.prefixLen)) === 0)
  return addr6IsLinkLocal(via) || ifc.addresses.some((a) => !addrIsV4(a.addr) && prefixEq(a.addr, via, a.prefixLen))
}

function checkSysctls(vimage: VimageConfig, path: (string | number)[], problems: CheckProblem[]): void {
  const scratch = { sysctl: SYSCTL_DEFAULTS }
  for (const { name, value } of vimage.sysctls) {
    const def = sysctlDef(name)
    if (def === null) {
      const hint = didYouMean(name, SYSCTLS.map(([known]) => known))
      problems.push({ path: [...path, name], message: `expected the name of a sysctl, found "${name}"${hint}` })
    } else if (sysctlSet(scratch, name, value) !== 0) {
      problems.push({ path: [...path, name], message: `expected ${sysctlExpected(def)}, found ${value}` })
    }
  }
}

function checkServices(vimage: VimageConfig, path: (string | number)[], problems: CheckProblem[]): void {
  const ports = new Map<string, string>()
  vimage.services.forEach(({ name, port }, i) => {
    for (const used of servicePorts(name, port)) {
      const by = ports.get(used)
      const message = `expected a free port, but ${by} has ${used} already`
      if (by !== undefined) problems.push({ path: [...path, i], message })
      ports.set(used, name)
    }
  })
}

/** Names of one kind: each only once. */
class Unique {
  readonly #seen = new Set<string>()
  readonly #problems: CheckProblem[]
  readonly #what: string

  constructor(problems: CheckProblem[], what: string) {
    this.#problems = problems
    this.#what = what
  }

  add(name: string, path: (string | number)[]): void {
    if (this.#seen.has(name)) {
      this.#problems.push({ path, message: `expected a name of its own, but there is another ${this.#what} "${name}"` })
    }
    this.#seen.add(name)
  }
}

/**
 * vimage: a userspace TCP/UDP/IP stack in which every piece of state lives in a `Vnet` object.
 *
 * @example
 * import { Driver, TcpServer, addrParse, ifAddAddr, openTap } from 'vimage'
 * const driver = new Driver()
 * const host = driver.addVnet({ name: 'a' })
 * const eth = host.attach(openTap({ name: 'vimage0', pool: driver.pool }), 'eth0')
 * ifAddAddr(host.vnet.vn, eth, addrParse('10.66.0.2'), 24)
 * new TcpServer(host, (socket) => socket.pipe(socket)).listen({ port: 7 })
 */

export { createPair } from './device/pair.ts'
export type { Device, DeviceClock, DeviceStats } from './device/device.ts'
export * from './device/tracer.ts'
export { impairDevice } from './device/impair.ts'
export { Switch } from './device/switch.ts'
export { Driver, VnetHost } from './host/driver.ts'
export type { Bindings, DriverVnetOptions } from './host/driver.ts'
export { createRingCable, openRing, RingDevice, unplugRing } from './host/ring-cable.ts'
export type { RingCableOptions, RingEnd, RingOptions } from './host/ring-cable.ts'
export { openTap, TapDevice } from './host/tap.ts'
export type { TapDeviceOptions } from './host/tap.ts'
export * from './kern/vn.ts'
export * from './lib/addr.ts'
export { createFramePool, frameBytes, frameFrom, frameRelease, frameRetain } from './lib/frame.ts'
export type { Frame, FramePool } from './lib/frame.ts'
export { ifAddAddr, ifByName, ifCreate, ifDelAddr, ifDestroy, ifSetFlags, ifSetMtu } from './link/ifnet.ts'
export { routeAdd, routeDelete, routeList } from './ip/route.ts'
export { diffDumps } from './snapshot/diff.ts'
export type { Difference } from './snapshot/diff.ts'
export type { Dump } from './snapshot/dump.ts'
export { SnapshotError } from './snapshot/fault.ts'
export { startService } from './service/service.ts'
export type { Service, ServiceName, ServiceOptions } from './service/service.ts'
export type { SavedService, SavedTalk } from './service/saved.ts'
export { BsdSockets } from './socket/bsd.ts'
export type { Received, SocketAddress } from './socket/bsd.ts'
export { socketError } from './socket/errors.ts'
export type { SocketError } from './socket/errors.ts'
export * from './inet/sockopt.ts'
export { AF_INET, AF_INET6 } from './inet/state.ts'
export { adoptSocket } from './socket/adopt.ts'
export { connectTcp, TcpServer, TcpSocket } from './socket/tcp.ts'
export type { TcpConnectOptions, TcpListenOptions } from './socket/tcp.ts'
export { UdpSocket } from './socket/udp.ts'
export type { UdpRemote } from './socket/udp.ts'
export type { AoInfo, AoKeyInfo } from './tcp/auth/ao-info.ts'
export type { AoKeyParams } from './tcp/auth/ao-keys.ts'
export type { LinuxTcpInfo } from './tcp/linux-info.ts'
export { tcpTraceChain, tcpTraceLine, tcpTraceReason, tcpTraceWhat } from './tcp/trace-read.ts'
export type { TcpTraceEvent, TcpTraceOptions } from './tcp/trace-read.ts'
export type { Runner, Watcher } from './vnet/runner.ts'
export { SYSCTLS, sysctlDef, sysctlPrint, sysctlSet } from './vnet/sysctl.ts'
export { Vnet } from './vnet/vnet.ts'
export { traceSvg } from './vimage/trace-svg.ts'
export type { CloneOptions, RestoreOptions, VnetCore, VnetOptions } from './vnet/vnet.ts'
export type { SocketInfo } from './vnet/sockets.ts'
export type { VnetState } from './vnet/state.ts'

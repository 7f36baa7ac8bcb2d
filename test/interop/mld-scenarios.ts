/** Listeners as the kernel's bridge hears them (RFC 3810, RFC 2710). Run in a namespace by mld.test.ts. */

import { interfaceAuto } from '../../src/vimage/autoconf.ts'
import { AF_INET6 } from '../../src/inet/state.ts'
import { createAddr } from '../../src/lib/addr.ts'
import { MCAST_JOIN_GROUP, MCAST_LEAVE_GROUP, SOCK_DGRAM } from '../../src/inet/sockopt.ts'
import { soClose, soCreate, soMcast } from '../../src/vnet/so.ts'
import { addr, onStage } from './scene.ts'

const GROUP = 'ff05::66:2'

/** The bridge asks in `version`, and notes who listens to what. */
export function snooping(n: number, version: number) {
  return onStage(async (scene) => {
    const tap = await scene.tap(n)
    const bridge = `br${n}`
    await scene.ok('ip', 'link', 'add', bridge, 'type', 'bridge', 'mcast_snooping', '1', 'mcast_mld_version', `${version}`,
      'mcast_query_response_interval', '100', 'mcast_startup_query_interval', '200')
    try {
      await scene.ok('sysctl', '-qw', `net.ipv6.conf.${bridge}.disable_ipv6=0`)
      await scene.ok('sysctl', '-qw', `net.ipv6.conf.${bridge}.accept_dad=0`)
      await scene.ok('ip', 'link', 'set', tap.name, 'master', bridge)
      const host = scene.host(`v${n}`)
      const ifId = host.attach(tap, 'eth0')
      await scene.ok('ip', 'link', 'set', bridge, 'up')
      await scene.until(() => tap.tap.running, 'the TAP has no carrier')
      interfaceAuto(host, 'eth0', true)
      const ifp = host.vnet.state.link.ifnets.get(ifId)
      if (ifp !== undefined) ifp.flags |= 1
      await scene.ok('ip', 'link', 'set', bridge, 'type', 'bridge', 'mcast_querier', '1')
      const queries = (): number => host.vnet.state.mld.stats[version === 2 ? 'v2queries' : 'v1queries']
      await scene.until(() => queries() > 0, () => `no query: ${JSON.stringify(host.vnet.state.mld.stats)}`, 20_000)
      const socket = soCreate(host.vnet, host.now(), AF_INET6, SOCK_DGRAM, 0)
      const member = (op: number): number => {
        const errno = soMcast(host.vnet, host.now(), socket, op, ifId, addr(GROUP), createAddr())
        host.kick()
        return errno
      }
      const seen = async (want: boolean): Promise<boolean> => {
        for (let i = 0; i < 100; i++) {
          if ((await scene.ok('bridge', 'mdb', 'show', 'dev', bridge)).includes(GROUP) === want) return true
          await new Promise((resolve) => setTimeout(resolve, 50))
        }
        return false
      }
      const joined = [member(MCAST_JOIN_GROUP), await seen(true)]
      const left = [member(MCAST_LEAVE_GROUP), await seen(false)]
      soClose(host.vnet, host.now(), socket)
      return { joined, left }
    } finally {
      await scene.ok('ip', 'link', 'del', bridge)
    }
  })
}

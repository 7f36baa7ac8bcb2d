import { expect, it } from 'vitest'
import { createWorld } from '../../src/sim/world.ts'
import { interfaceDhcp, interfaceDhcp6, interfaceGet } from '../../src/vimage/interfaces.ts'
import { startServer } from '../dhcp/server.ts'

it('an interface gets its address by DHCP and gives it back; the client\'s state is shown', () => {
  const world = createWorld()
  const [server, guest] = [world.addVnet('server'), world.addVnet('guest')]
  world.cable(server.addPort({ address: '10.0.0.1/24' }), guest.addPort())
  startServer(server, '10.0.0.1', 3600)
  expect(interfaceGet(guest, 'eth0').dhcp).toBe('')
  interfaceDhcp(guest, 'eth0', true)
  expect(interfaceGet(guest, 'eth0').dhcp).toBe('init')
  expect(() => interfaceDhcp(guest, 'eth0', true)).toThrow(/has a client already/)
  world.runFor(20_000_000)
  expect(interfaceGet(guest, 'eth0')).toMatchObject({ dhcp: 'bound', addresses: [{ address: '10.0.0.100', prefixLen: 24 }] })
  interfaceDhcp(guest, 'eth0', false)
  expect(interfaceGet(guest, 'eth0')).toMatchObject({ dhcp: '', addresses: [] })
  expect(() => interfaceDhcp(guest, 'lo0', true)).toThrow(/no Ethernet/)
})

it('DHCPv6 on an interface: started and stopped by name, its state shown', () => {
  const world = createWorld()
  const guest = world.addVnet('guest')
  world.cable(guest.addPort(), world.addSwitch('sw'))
  expect(interfaceGet(guest, 'eth0').dhcp6).toBe('')
  interfaceDhcp6(guest, 'eth0', true)
  expect(interfaceGet(guest, 'eth0').dhcp6).toBe('init')
  expect(() => interfaceDhcp6(guest, 'eth0', true)).toThrow(/has a client already/)
  world.runFor(10_000_000)
  expect(interfaceGet(guest, 'eth0').dhcp6).toBe('soliciting')
  interfaceDhcp6(guest, 'eth0', false)
  expect(interfaceGet(guest, 'eth0').dhcp6).toBe('')
  expect(() => interfaceDhcp6(guest, 'eth0', false)).toThrow(/no client/)
  expect(() => interfaceDhcp6(guest, 'lo0', true)).toThrow(/no Ethernet/)
})

/** A Vnet that cannot be placed whole is not placed (src/host/vnet-move.ts). */

import { expect, it } from 'vitest'
import { Driver } from '../../src/host/driver.ts'
import { placeVnet, takeVnet } from '../../src/host/vnet-move.ts'
import type { MovedService } from '../../src/host/vnet-move.ts'
import type { SavedService } from '../../src/service/saved.ts'
import { Vimage } from '../../src/vimage/vimage.ts'

it('a service that cannot be started: the driver is as before, and what was moved can be placed elsewhere', () => {
  const driver = new Driver()
  const host = driver.addVnet({ name: 'moved', seed: [1] })
  const moved = takeVnet({ host, vimage: new Vimage(host), started: [] })
  expect(driver.hosts.size).toBe(0)
  const wrong: MovedService = { name: 'nonsense' as 'echo', options: {}, saved: {} as SavedService }
  expect(() => placeVnet(driver, { ...moved, services: [wrong] })).toThrow()
  expect(driver.hosts.size).toBe(0)
  expect(placeVnet(driver, moved).host.vnet.name).toBe('moved')
  driver.close()
})

/** A module of a VnetWorker under test: a Vnet of its own making, and functions to call. */
export function startVnets(side) {
  if (side.data === 'fail') throw new RangeError('the module does not want to')
  const host = side.driver.addVnet({ name: 'mine' })
  side.onMessage = (data) => side.post({ echoed: data, vnets: side.driver.hosts.size })
  return {
    name: () => host.vnet.name,
    add: (a, b) => a + b,
    refuse: () => { throw new TypeError('no') },
    fail: () => { setImmediate(() => { throw new Error('the thread fails') }); return new Promise(() => {}) },
    failLater: () => { setTimeout(() => { throw new Error('the thread fails later') }, 5) },
  }
}

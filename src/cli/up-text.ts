/** What `vimage up` prints when it is up: what there is, and what to try. */

import type { DaemonConfig } from '../daemon/config-types.ts'
import type { DaemonInfo } from '../daemon/listings.ts'
import { addrPrint } from '../lib/addr.ts'

/** `detachedLog`: where the log of a detached daemon goes, else ''. */
export function upText(config: DaemonConfig, info: DaemonInfo, detachedLog: string): string {
  const lines = [whereWords(info), ...info.missing, ...inventory(config), '', 'Try:', ...suggestions(config, info)]
  if (detachedLog !== '') lines.push('', `It runs in the background (pid ${info.pid}); its log is ${detachedLog}`)
  return `${lines.join('\n')}\n`
}

function whereWords(info: DaemonInfo): string {
  switch (info.namespace) {
    case 'net': return 'vimage is up, in a network namespace of its own: nothing on the host has changed.'
    case 'user+net': return 'vimage is up, in a user and network namespace of its own: nothing on the host has changed.'
    case 'none': return 'vimage is up.'
  }
}

function inventory(config: DaemonConfig): string[] {
  return config.vimages.map((vimage) => {
    const addresses = vimage.interfaces.map((i) => {
      const given = [...i.addresses.map((a) => addrPrint(a.addr)), ...(i.dhcp ? ['dhcp'] : []), ...(i.dhcp6 ? ['dhcp6'] : []),
         ...(i.auto ? ['auto'] : [])]
      return [i.name, ...given].join(' ')
    })
    const services = vimage.services.map((s) => s.name).join(', ')
    return `  vimage ${vimage.name}: ${addresses.join(', ')}${services === '' ? '' : `; services ${services}`}`
  })
}

function suggestions(config: DaemonConfig, info: DaemonInfo): string[] {
  const [first, second] = config.vimages
  const vimage = process.env['npm_command'] === undefined ? 'vimage' : 'npx vimage'
  const address = addressOf(first)
  const lines = [`${vimage} list`]
  if (info.namespace !== 'none' && address !== '') {
    lines.push(`${vimage} exec -- ping -c 3 ${address}`)
    if (first?.services.some((s) => s.name === 'http' && s.port === 0) === true) {
      lines.push(`${vimage} exec -- curl http://${address}/`)
    }
  }
  if (first !== undefined) {
    const peer = addressOf(second)
    if (peer !== '') lines.push(`${vimage} ping -V ${first.name} -c 3 ${peer}`)
    lines.push(`${vimage} netstat -V ${first.name} -a`, `${vimage} tcpdump -V ${first.name}`)
  } else lines.push(`${vimage} bridge`)
  lines.push(`${vimage} down`)
  return lines.map((line) => `  ${line}`)
}

function addressOf(vimage: DaemonConfig['vimages'][number] | undefined): string {
  const address = vimage?.interfaces[0]?.addresses[0]
  return address === undefined ? '' : addrPrint(address.addr)
}

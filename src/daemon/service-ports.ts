/** The ports that a service takes, known before it is started. */

import type { ServiceName } from '../service/service.ts'

const WELL_KNOWN: Readonly<Record<ServiceName, { readonly port: number; readonly protocols: readonly string[] }>> =
  Object.freeze({
    echo: { port: 7, protocols: ['tcp', 'udp'] },
    discard: { port: 9, protocols: ['tcp', 'udp'] },
    chargen: { port: 19, protocols: ['tcp', 'udp'] },
    http: { port: 80, protocols: ['tcp'] },
    files: { port: 80, protocols: ['tcp'] },
    dns: { port: 53, protocols: ['tcp', 'udp'] },
  })

/** The names a configuration may use. */
export const SERVICES: readonly ServiceName[] = Object.freeze(Object.keys(WELL_KNOWN) as ServiceName[])

/** As in `Service.ports`: "tcp/7". `port` 0 is the well-known one. */
export function servicePorts(name: ServiceName, port: number): string[] {
  const known = WELL_KNOWN[name]
  return known.protocols.map((protocol) => `${protocol}/${port === 0 ? known.port : port}`)
}

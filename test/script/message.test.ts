/** Router discovery, redirects and MLD of scripts: words to bytes and back (RFC 4861 §4, RFC 4191 §2, RFC 8106 §5, RFC 3810 §5). */

import { describe, expect, it } from 'vitest'
import { messageDecode, messageEncode } from '../../src/script/message.ts'
import { printMessage } from '../../src/script/message-print.ts'
import { parsePacket } from '../../src/script/parse-packet.ts'
import type { MessageSpec } from '../../src/script/ast.ts'
import { Scanner } from '../../src/script/scanner.ts'
import { runScript } from '../../src/script/index.ts'

const TEXTS = [
  'nd rs',
  'nd rs <slla 02:00:00:00:00:01>',
  'nd ra hlim 64 M O high life 1800 reach 30000 retrans 1000',
  'nd ra hlim 0 low life 0 reach 0 retrans 0 code 3 <mtu 1280, raw fe01000000000000>',
  'nd ra hlim 0 life 0 reach 0 retrans 0 <prefix 2001:db8::/64 LA valid 4294967295 pref 7, route 2001:db8:1::/48 high life 9>',
  'nd ra hlim 0 life 0 reach 0 retrans 0 <route ::/0 low life 1, route 2001:db8::1/128 life 2>',
  'nd ra hlim 0 life 0 reach 0 retrans 0 <rdnss 5 2001:db8::53 fe80::53, dnssl 6 a.example example.com>',
  'nd redirect fe80::3 2001:db8::1 <tlla 02:00:00:00:00:03>',
  'mld query :: delay 1000 qrv 2 qqic 125',
  'mld query ff02::9 delay 32768 S qrv 7 qqic 1 sources 2001:db8::5 2001:db8::6',
  'mld query1 ff02::9 delay 10',
  'mld report1 ff02::9',
  'mld done ff02::9',
  'mld report <is_ex ff02::9, allow ff02::a 2001:db8::5 2001:db8::6, to_in ff02::b>',
]

function parse(text: string): MessageSpec {
  const { body } = parsePacket(new Scanner(`> ${text}`))
  if (body.proto !== 'message') throw new Error(body.proto)
  return body
}

describe('messages of scripts', () => {
  it.each(TEXTS)('%s: printed and decoded as it was written', (text) => {
    const spec = parse(text)
    expect(printMessage(spec)).toBe(text)
    expect(messageDecode(messageEncode(spec), 0)).toEqual(spec)
  })

  it('RFC 4861 §4.2, §4.6.2: an advertisement with a prefix is these octets', () => {
    const hex = [...messageEncode(parse('nd ra hlim 64 M life 1800 <prefix 2001:db8::/64 LA valid 1 pref 2>'))]
      .map((b) => b.toString(16).padStart(2, '0')).join('')
    expect(hex).toBe('8600000040800708' + '0000000000000000' + '030440c0' + '00000001' + '00000002' + '00000000' +
      '20010db8000000000000000000000000')
  })

  it('what is cut off is no message, and what is behind its options differs from everything', () => {
    const bytes = messageEncode(parse('nd ra hlim 64 life 9 <mtu 1280>'))
    for (let n = 1; n < 16; n++) expect(messageDecode(bytes.subarray(0, n), 0)).toBeNull()
    expect(messageDecode(bytes.subarray(0, 20), 0)?.options).toEqual([[5, 1, 0, 0]])
    expect(messageDecode(Uint8Array.from([...bytes, 0]), 0)?.options).toEqual([[5, 1, 0, 0, 0, 0, 5, 0], [0]])
  })

  it('a difference is told in words', () => {
    const head = '--ip_version=ipv6\n--link=ethernet\n--look=rd\n0 `rtadvd tun0`\n'
    const rd = (message: string): string => runScript(`${head}+0~+1 > [dst ff02::1] ${message}`).message
    expect(rd('nd ra hlim 64 life 1800 <mtu 1500>')).toBe('it has <slla 02:00:00:00:00:01, ' +
      'prefix fd3d:0:0:1::/64 LA valid 2592000 pref 604800>, expected <mtu 1500>')
    expect(rd('nd ra hlim 63 M life 1800 <...>')).toBe('it is nd ra hlim 64 life 1800 reach 0 retrans 0, ' +
      'expected nd ra hlim 63 M life 1800 reach 0 retrans 0')
    expect(rd('nd rs <...>')).toBe('it is nd ra, not nd rs')
    expect(rd('mld report <...>')).toBe('it is nd ra, not mld report')
  })

  it('what is not in the language is said', () => {
    const message = (text: string): string => runScript(`--ip_version=ipv6\n0 < ${text}`).message
    expect(message('nd ra <lifetime 1>')).toContain('expected slla, tlla')
    expect(message('mld leave ff02::1')).toContain('expected query, report')
    expect(message('mld report <in ff02::1>')).toContain('expected is_in')
    expect(runScript('0 < mld done ff02::1').status).toBe('unsupported')
    expect(runScript('--ip_version=ipv6\n--look=arp\n0 < udp (1)').status).toBe('unsupported')
  })
})

/**
 * Changes every number that a script expects, one at a time: in packets of the stack, in results, in what calls leave in
 * their arguments, in assertions, and in the times of packets and of calls that block. Every change must make the script fail.
 */

export interface Mutation {
  text: string
  /** Line and what was changed. */
  what: string
}

export function mutations(text: string): Mutation[] {
  const lines = text.split('\n')
  return lines.flatMap((line, i) => mutateLine(line).map(([changed, what]) => ({
    text: [...lines.slice(0, i), changed, ...lines.slice(i + 1)].join('\n'), what: `line ${i + 1}: ${what}: ${changed}`,
  })))
}

type Change = [changed: string, what: string]

const EVENT = /^(\s*(?:\*|\+?[\d.]+(?:~\+?[\d.]+)?)(?:\.\.\.[\d.]+)?\s*)(.*)$/

function mutateLine(line: string): Change[] {
  const m = EVENT.exec(line)
  if (m === null || line.startsWith('//')) return []
  const [, time, rest] = m as unknown as [string, string, string]
  if (rest.startsWith('>')) return [...outTimes(time, rest), ...numbers(time, rest), ...ranges(time, rest)]
  if (rest.startsWith('%{')) return numbers(time, rest)
  if (rest.startsWith('<') || rest.startsWith('`')) return []
  return mutateCall(time, rest)
}

/** The time of a packet of the stack: 10 ms later, beyond the tolerance of 4 ms. */
function outTimes(time: string, rest: string): Change[] {
  if (time.includes('~') || time.startsWith('*')) return []
  const m = /^(\s*\+?)([\d.]+)(.*)$/.exec(time) as RegExpExecArray
  return [[`${m[1]}${(Number(m[2]) + 0.01).toFixed(6)}${m[3]}${rest}`, 'time']]
}

/** Each whole number by one more. */
function numbers(before: string, text: string, after = ''): Change[] {
  return [...text.matchAll(/(?<![\w.])\d+(?![\w.])/g)].map((m): Change => {
    const changed = `${text.slice(0, m.index)}${(Number(m[0]) + 1) % 4294967296}${text.slice(m.index + m[0].length)}`
    return [`${before}${changed}${after}`, `number ${m[0]}`]
  })
}

/** Sequence numbers moved by one, and lengths by one: changes that leave first, next and length consistent. */
function ranges(time: string, rest: string): Change[] {
  const m = /(\d+):(\d+)\((\d+)\)/.exec(rest)
  if (m === null) return []
  const [first, next, len] = m.slice(1).map(Number) as [number, number, number]
  const put = (a: number, b: number, n: number): string => `${time}${rest.replace(m[0], `${a % 2 ** 32}:${b % 2 ** 32}(${n})`)}`
  // where a SYN begins is for the script to say
  const syn = /^> *(\([^)]*\) *)?(\[[^\]]*\] *)?\S*S/.test(rest)
  return [...(syn ? [] : [[put(first + 1, next + 1, len), 'sequence'] as Change]), [put(first, next + 1, len + 1), 'length']]
}

function mutateCall(time: string, rest: string): Change[] {
  const at = rest.lastIndexOf(') = ') + 4
  const [call, result] = [rest.slice(0, at), rest.slice(at).replace(/\s*\(.*\)$/, '')]
  const changes = numbers(`${time}${call}`, result)
  const errno = /E[A-Z]+/.exec(result)
  if (errno !== null) changes.push([`${time}${call}${result.replace(errno[0], 'EPERM')}`, 'errno'])
  const end = /^(.*\.\.\.)([\d.]+)(\s*)$/.exec(time)
  if (end !== null) changes.push([`${end[1]}${(Number(end[2]) + 0.01).toFixed(6)}${end[3]}${rest}`, 'end'])
  if (!result.startsWith('-')) changes.push(...mutateFilled(time, call, result))
  const revents = /revents=[A-Z|]+/.exec(call)
  if (revents !== null) changes.push([`${time}${rest.replace(revents[0], 'revents=POLLPRI')}`, 'revents'])
  return changes
}

/** What a call fills in: values and lengths of getsockopt, numbers of ioctl, addresses of accept and recvfrom. */
function mutateFilled(time: string, call: string, result: string): Change[] {
  const m = /^(getsockopt\(\d+, \w+, \w+,|ioctl\(\d+, \w+,|(?:accept|recvfrom|get\w+name)\([^{]*\{)(.*)$/.exec(call)
  if (m === null) return []
  const [, head, tail] = m as unknown as [string, string, string]
  // the size of an address is the caller's
  const [filled, size] = tail.split(/(?=, \[16\])/) as [string, string?]
  return numbers(`${time}${head}`, filled, `${size ?? ''}${result}`)
}

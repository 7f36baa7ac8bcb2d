/** Range checks of the writers: a field that would be cut is an error of the caller. */

export function checkU32(field: string, value: number): number {
  return check(field, value, 0xffffffff)
}

export function checkU16(field: string, value: number): number {
  return check(field, value, 0xffff)
}

export function checkU8(field: string, value: number): number {
  return check(field, value, 0xff)
}

function check(field: string, value: number, most: number): number {
  if (Number.isInteger(value) && value >= 0 && value <= most) return value
  throw new RangeError(`${field} ${value} is not in 0…${most}`)
}

/** Assertions: a failed one is a bug of ours, never a reaction to the wire or to a user. */

export class AssertionError extends Error {
  override name = 'AssertionError'
}

export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionError(message)
}

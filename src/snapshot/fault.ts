/** What is wrong with a snapshot, and where. */

/** A snapshot was refused (or a state cannot be saved); `path` is that of the first fault, as `state.tcp.tcbs[4].mss`. */
export class SnapshotError extends Error {
  override name = 'SnapshotError'
  readonly fault: string
  #path = ''

  constructor(fault: string, path = '') {
    super(fault)
    this.fault = fault
    this.#path = path
    this.message = this.#text()
  }

  get path(): string {
    return this.#path
  }

  /** Called on the way out of each record: `step` is a field (`.mss`) or a place (`[4]`). */
  prefix(step: string): this {
    this.#path = step + this.#path
    this.message = this.#text()
    return this
  }

  #text(): string {
    return `snapshot refused: ${this.#path === '' ? '' : `${this.#path}: `}${this.fault}`
  }
}

/** Rethrows `e` with the step that led to it. */
export function rethrow(e: unknown, step: string): never {
  throw e instanceof SnapshotError ? e.prefix(step) : e
}

/** Refuses with the path unless `ok`. */
export function demand(ok: boolean, path: string, fault: string): asserts ok {
  if (!ok) throw new SnapshotError(fault, path)
}

/** Properties of objects that are others' for a while. */

type AnyFunction = (this: never, ...args: never[]) => unknown

export class Patches {
  readonly #undo: (() => void)[] = []

  /** `target[key]` is what `make` makes of it, until `undo`. */
  method<F extends AnyFunction>(
    target: object, key: PropertyKey, make: (original: F) => (this: never, ...args: Parameters<F>) => ReturnType<F>,
  ): void {
    const original = Reflect.get(target, key) as F
    const made = make(original)
    Object.defineProperty(made, 'name', { value: original.name, configurable: true })
    this.value(target, key, made)
  }

  value(target: object, key: PropertyKey, value: unknown): void {
    const was = Object.getOwnPropertyDescriptor(target, key)
    Object.defineProperty(target, key, {
      configurable: was?.configurable ?? true, enumerable: was?.enumerable ?? false, writable: true, value,
    })
    this.#undo.push(() => {
      // whoever has changed it after us (a spy of a test) keeps it
      if (Reflect.get(target, key) !== value) return
      if (was === undefined) Reflect.deleteProperty(target, key)
      else Object.defineProperty(target, key, was)
    })
  }

  undo(): void {
    for (const one of this.#undo.splice(0).reverse()) one()
  }
}

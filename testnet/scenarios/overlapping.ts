/** Ends one fault, once: whoever calls it again ends nothing. */
export type End = () => void

/**
 * Faults of one kind, by what they strike. Several may strike the same at the same time, and each ends by itself: what is in force is
 * always made of those that are left.
 */
export class Overlapping<Target, Value> {
  readonly #left = new Map<Target, { readonly value: Value }[]>()
  readonly #apply: (target: Target, values: readonly Value[]) => void

  /** @param apply puts into force what is left at a target, the oldest first; nothing is as if there had never been a fault */
  constructor(apply: (target: Target, values: readonly Value[]) => void) {
    this.#apply = apply
  }

  begin(target: Target, value: Value): End {
    const fault = { value }
    this.#set(target, [...(this.#left.get(target) ?? []), fault])
    return () => {
      const left = this.#left.get(target) ?? []
      if (left.includes(fault)) {
        this.#set(
          target,
          left.filter((other) => other !== fault),
        )
      }
    }
  }

  /** What struck a target last, of those that are left. */
  latest(target: Target): Value | undefined {
    return this.#left.get(target)?.at(-1)?.value
  }

  #set(target: Target, left: { readonly value: Value }[]): void {
    if (left.length > 0) this.#left.set(target, left)
    else this.#left.delete(target)
    this.#apply(
      target,
      left.map(({ value }) => value),
    )
  }
}

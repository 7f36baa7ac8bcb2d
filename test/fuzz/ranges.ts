/** A set of whole numbers as ordered, disjoint ranges. */

export class Ranges {
  /** start, end, start, end, … */
  readonly list: number[] = []

  /** Adds start…end−1. */
  add(start: number, end: number): void {
    if (start >= end) return
    const { list } = this
    let i = 0
    while (i < list.length && list[i + 1] < start) i += 2
    let j = i
    let [from, to] = [start, end]
    for (; j < list.length && list[j] <= end; j += 2) {
      from = Math.min(from, list[j])
      to = Math.max(to, list[j + 1])
    }
    list.splice(i, j - i, from, to)
  }

  /** True when all of start…end−1 are in. */
  covers(start: number, end: number): boolean {
    if (start >= end) return true
    for (let i = 0; i < this.list.length; i += 2) {
      if (this.list[i] <= start && end <= this.list[i + 1]) return true
    }
    return false
  }
}

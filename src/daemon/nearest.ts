/** Which known word somebody may have meant. */

/** ' (did you mean WORD?)', or '' when no known word is near enough. */
export function didYouMean(word: string, known: readonly string[]): string {
  const hint = nearest(word, known)
  return hint === '' ? '' : ` (did you mean ${hint}?)`
}

/** The word at the least edit distance, or '' when all are too far from `word` to be worth a suggestion. */
export function nearest(word: string, known: readonly string[]): string {
  let best = ''
  // two: letters that changed places
  let bestDistance = (word.length < 4 ? 1 : Math.max(2, Math.floor(word.length / 3))) + 1
  for (const candidate of known) {
    const d = distance(word, candidate)
    if (d < bestDistance) {
      best = candidate
      bestDistance = d
    }
  }
  return best
}

/** Insertions, deletions and substitutions from `a` to `b`. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const substituted = (row[j - 1]) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(substituted, (row[j]) + 1, (next[j - 1]) + 1))
    }
    row = next
  }
  return row[b.length]
}

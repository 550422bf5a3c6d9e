/**
 * SQL's LIKE: `%` stands for any characters, `_` for exactly one (a code point), everything else for itself, case-sensitive.
 *
 * Greedy with one point of return: when a character does not fit, the last `%` takes one more. An earlier `%` never has to, so
 * the time is at most text x pattern (both about 1 KiB) and there is nothing to blow up.
 */
export function like(text: string, pattern: string): boolean {
  let t = 0
  let p = 0
  let star = -1 // place of the last %
  let resume = 0 // where in the text the pattern behind it is tried
  while (t < text.length) {
    const wanted = pattern[p]
    if (wanted === '%') {
      star = p++
      resume = t
    } else if (wanted === '_') {
      t += step(text, t)
      p++
    } else if (wanted !== undefined && wanted === text[t]) {
      t++
      p++
    } else if (star >= 0) {
      resume += step(text, resume)
      t = resume
      p = star + 1
    } else return false
  }
  while (pattern[p] === '%') p++
  return p === pattern.length
}

/** Units of the character at `at`. */
function step(text: string, at: number): number {
  return text.codePointAt(at)! > 0xffff ? 2 : 1
}

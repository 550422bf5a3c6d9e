/**
 * Elementary functions from +, *, / and comparisons of doubles, which IEEE 754 rounds the same everywhere. Math.exp and Math.log
 * are the engine's choice: with them the same seed would not give the same run on every machine.
 */

/** e^x to about 1e-13 relative: e^x = 2^k e^r with |r| <= ln 2 / 2 and Taylor's series for e^r. */
export function exponential(x: number): number {
  const k = Math.floor(x * Math.LOG2E + 0.5)
  const r = x - k * Math.LN2
  let sum = 1
  for (let n = 12; n > 0; n--) sum = 1 + (sum * r) / n
  const factor = k < 0 ? 0.5 : 2 // multiplying by a power of two is exact
  for (let i = Math.min(Math.abs(k), 1100); i > 0; i--) sum *= factor
  return sum
}

/** The natural logarithm of a positive finite x to about 1e-15: x = 2^k m with m near 1, and ln m = 2 artanh((m - 1)/(m + 1)). */
export function logarithm(x: number): number {
  let m = x
  let k = 0
  for (; m < Math.SQRT1_2; k--) m *= 2
  for (; m > Math.SQRT2; k++) m /= 2
  const s = (m - 1) / (m + 1)
  const square = s * s
  let sum = 0
  for (let n = 25; n > 0; n -= 2) sum = 1 / n + sum * square
  return 2 * s * sum + k * Math.LN2
}

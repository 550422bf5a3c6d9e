/** How many of the kept come before this rank. */
export function placeOf(kept: readonly { readonly rank: number }[], rank: number): number {
  let low = 0
  let high = kept.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((kept[middle] as { rank: number }).rank < rank) low = middle + 1
    else high = middle
  }
  return low
}

/** Uniform over 32 bits, and unknown to whoever does not know the salt. */
export function rankOf(id: string, salt: number): number {
  let h = salt
  for (let i = 0; i < id.length; i++) h = Math.imul(h ^ id.charCodeAt(i), 0x01000193)
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

// Maps that keep their entries by age, so that what is bounded forgets the oldest first without looking at the rest.

/** Sets an entry as the youngest of a map that holds at most `limit`. */
export function put<K, V>(map: Map<K, V>, key: K, value: V, limit: number): void {
  map.delete(key)
  map.set(key, value)
  if (map.size > limit) map.delete(map.keys().next().value as K)
}

/** Deletes entries from the oldest on, up to the first that stays. */
export function expire<K, V>(map: Map<K, V>, old: (value: V) => boolean): void {
  for (const [key, value] of map) {
    if (!old(value)) return
    map.delete(key)
  }
}

import { type Estimate, MILLION } from './belief.ts'

/**
 * What is believed of a link before anything was observed on it: a Beta distribution with this mean, worth so many observations.
 *
 * Departure (empirical Bayes): both come from the links that were measured. Where all are alike the prior is strong and a new
 * link is known at once; where they differ it is weak and each link speaks for itself.
 */
export interface Prior {
  readonly mean: number
  readonly strength: number
}

/** Nothing is added to what was observed. */
export const WITHOUT: Prior = { mean: 0, strength: 0 }
/** While less than that many origins report, this is assumed (chosen). */
const ENOUGH = 3
const FIRST: Prior = { mean: 0.02, strength: 2 }
/** Share of the origins that is left out at each end, so that a fifth of liars does not move the mean at will (chosen). */
const TRIMMED = 0.2
/** A prior is worth at most as much as the long memory of a link (chosen). */
const STRONGEST = 512

/** @param origins what each origin measured, of all its neighbours */
export function priorOf(origins: readonly (readonly Estimate[])[]): Prior {
  const means: number[] = []
  for (const estimates of origins) {
    let failures = 0
    let weight = 0
    for (const estimate of estimates) {
      failures += (estimate.rate / MILLION) * estimate.weight
      weight += estimate.weight
    }
    if (weight > 0) means.push(failures / weight)
  }
  if (means.length < ENOUGH) return FIRST
  means.sort((a, b) => a - b)
  const out = Math.floor(means.length * TRIMMED)
  const kept = means.slice(out, means.length - out)
  const mean = kept.reduce((sum, value) => sum + value, 0) / kept.length
  return { mean, strength: strengthOf(origins, mean) }
}

/**
 * By the method of moments: of the scatter between links, what chance in the counts does not explain (to two standard deviations)
 * is a difference between them. Liars can only add to it, and so weaken the prior.
 */
function strengthOf(origins: readonly (readonly Estimate[])[], mean: number): number {
  // A rate of exactly 0 would have no chance in it.
  const share = Math.max(mean, 1e-4)
  let scatter = 0
  let claims = 0
  let total = 0
  for (const estimates of origins) {
    for (const { rate, weight } of estimates) {
      if (weight === 0) continue
      scatter += weight * (rate / MILLION - mean) ** 2
      claims++
      total += weight
    }
  }
  if (claims === 0) return FIRST.strength
  // Rare failures scatter more than their variance says. All who measured one process saw the same failures: origins count, not claims.
  const spread = Math.sqrt((2 + claims / (total * share)) / origins.length)
  const between = (scatter - claims * share * (1 - share) * (1 + 2 * spread)) / total
  const strength = between <= 0 ? STRONGEST : (share * (1 - share)) / between - 1
  return Math.min(STRONGEST, Math.max(FIRST.strength, strength))
}

/** Standard deviations from the common mean at which a link speaks for itself alone (chosen; Efron and Morris' limited translation). */
const ALONE = 2.5

/** Failure probability after the observations. */
export function posterior({ rate, weight }: Estimate, { mean, strength }: Prior): number {
  if (weight + strength === 0) return 0.5
  const observed = rate / MILLION
  // With a failure more or less in it, since few observations of something rare are far from its mean by themselves.
  const variance = weight === 0 ? 1 : (mean * (1 - mean)) / weight + 1 / weight ** 2
  const alone = strength > 0 && (observed - mean) ** 2 > ALONE ** 2 * variance
  const worth = alone ? Math.min(strength, FIRST.strength) : strength
  return (observed * weight + mean * worth) / (weight + worth)
}

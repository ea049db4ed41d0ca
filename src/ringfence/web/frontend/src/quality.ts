// How a call sounds, from counted packets: a simplified E-model (ITU-T G.107) for G.711.

export interface Sample {
  received: number
  lost: number
  jitterMs: number
  roundTripMs: number
}

export type Grade = 'good' | 'fair' | 'poor'

/** Estimated mean opinion score, 1 to 4.5. */
export function mos(sample: Sample): number {
  const total = sample.received + sample.lost
  const loss = total > 0 ? Math.max(0, sample.lost) / total : 0
  const delay = sample.roundTripMs / 2 + 2 * sample.jitterMs + 20
  const delayImpairment = 0.024 * delay + (delay > 177.3 ? 0.11 * (delay - 177.3) : 0)
  const lossImpairment = 95 * (loss / (loss + 0.043))
  const r = Math.min(100, Math.max(0, 93.2 - delayImpairment - lossImpairment))
  const score = 1 + 0.035 * r + 7e-6 * r * (r - 60) * (100 - r)
  return Math.min(4.5, Math.max(1, score))
}

export function grade(score: number): Grade {
  if (score >= 3.8) return 'good'
  return score >= 3.1 ? 'fair' : 'poor'
}

/** What came between two readings of the same counters. */
export function between(before: Sample, after: Sample): Sample {
  return {
    received: Math.max(0, after.received - before.received),
    lost: Math.max(0, after.lost - before.lost),
    jitterMs: after.jitterMs,
    roundTripMs: after.roundTripMs,
  }
}

// How long to wait before trying again: doubling, capped, with a spread so that sixty desks do not return at once.

export class Backoff {
  private attempt = 0

  constructor(
    private readonly first: number,
    private readonly most: number,
    private readonly random: () => number = Math.random,
  ) {}

  /** Milliseconds to wait before the next attempt. */
  next(): number {
    const full = Math.min(this.most, this.first * 2 ** this.attempt)
    this.attempt = Math.min(this.attempt + 1, 30)
    return Math.round(full * (0.5 + this.random() / 2))
  }

  reset(): void {
    this.attempt = 0
  }
}

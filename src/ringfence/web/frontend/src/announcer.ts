// Speaks through one polite region, seldom enough that a screen reader user can still hear the caller.

export class Announcer {
  private lastAt = Number.NEGATIVE_INFINITY
  private waiting: string | null = null
  private timer: ReturnType<typeof setTimeout> | null = null

  constructor(
    private readonly show: (text: string) => void,
    private readonly gap: number,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Say the answer to something the person just did, at once. */
  answer(text: string): void {
    this.cancel()
    this.speak(text)
  }

  /** Say something that happened by itself; within the gap only the newest is kept. */
  mention(text: string): void {
    const due = this.lastAt + this.gap - this.now()
    if (due <= 0) {
      this.speak(text)
      return
    }
    this.waiting = text
    this.timer ??= setTimeout(() => {
      this.timer = null
      const held = this.waiting
      this.waiting = null
      if (held !== null) this.speak(held)
    }, due)
  }

  private speak(text: string): void {
    this.lastAt = this.now()
    this.show(text)
  }

  private cancel(): void {
    if (this.timer !== null) clearTimeout(this.timer)
    this.timer = null
    this.waiting = null
  }
}

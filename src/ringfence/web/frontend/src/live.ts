// Follows the server's events and asks for the whole state after each: events say that something changed, never what.

import { Backoff } from './backoff'
import { SignedOut } from './server'
import type { DeskState } from './state'

const TOPICS = ['call', 'agent', 'recording', 'device', 'engine', 'reset']
const SETTLE_MS = 120
const CALM_POLL_MS = 30_000
const BLIND_POLL_MS = 5000

interface Settings {
  url: string
  load: () => Promise<DeskState>
  show: (state: DeskState) => void
  lost: () => void
  signedOut: () => void
  /** At most so many milliseconds between two looks, for what no event tells, such as contact with a payment page. */
  pace: () => number
  /** An event of a call, with what it carries. */
  told: (event: Record<string, unknown>) => void
}

export class Live {
  private source: EventSource | null = null
  private timer: ReturnType<typeof setTimeout> | null = null
  private due = 0
  private loading = false
  private again = false
  private ended = false
  private readonly backoff = new Backoff(1000, 15_000)

  constructor(private readonly settings: Settings) {
    // A connection that the network dropped without a word would stay open and silent.
    window.addEventListener('online', () => {
      if (this.source !== null && !this.ended) this.start()
    })
  }

  start(): void {
    const source = new EventSource(this.settings.url)
    for (const topic of TOPICS) {
      source.addEventListener(topic, (event) => {
        this.tell(event)
        this.soon()
      })
    }
    source.addEventListener('open', () => this.soon())
    source.addEventListener('error', () => {
      // The browser reconnects by itself unless the answer was no event stream; then only a new source helps.
      if (source.readyState === EventSource.CLOSED && !this.ended) {
        setTimeout(() => this.start(), this.backoff.next())
      }
    })
    this.source?.close()
    this.source = source
    void this.load()
  }

  /** Load shortly, once for a burst of events. */
  soon(): void {
    this.schedule(SETTLE_MS)
  }

  private tell(event: MessageEvent<string>): void {
    try {
      const data: unknown = JSON.parse(event.data)
      if (typeof data === 'object' && data !== null) this.settings.told(data as Record<string, unknown>)
    } catch {
      // What cannot be read tells nothing; the state is loaded all the same.
    }
  }

  private schedule(delay: number): void {
    if (this.ended) return
    const due = performance.now() + delay
    // The end of a load plans the next usual look; it must not put off what an event has asked for meanwhile.
    if (this.timer !== null && this.due <= due) return
    if (this.timer !== null) clearTimeout(this.timer)
    this.due = due
    this.timer = setTimeout(() => {
      this.timer = null
      void this.load()
    }, delay)
  }

  private async load(): Promise<void> {
    if (this.loading) {
      this.again = true
      return
    }
    this.loading = true
    try {
      const state = await this.settings.load()
      this.backoff.reset()
      this.settings.show(state)
      const usual = this.source?.readyState === EventSource.OPEN ? CALM_POLL_MS : BLIND_POLL_MS
      this.schedule(Math.min(usual, this.settings.pace()))
    } catch (error) {
      if (error instanceof SignedOut) {
        this.ended = true
        this.source?.close()
        this.settings.signedOut()
      } else {
        this.settings.lost()
        this.schedule(this.backoff.next())
      }
    } finally {
      this.loading = false
    }
    if (this.again) {
      this.again = false
      this.soon()
    }
  }
}

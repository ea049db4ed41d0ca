// The ringing sound: 400 and 450 Hz, twice every three seconds, on its own device and volume.

export class Ringer {
  private context: AudioContext | null = null
  private gain: GainNode | null = null
  private timer: ReturnType<typeof setInterval> | null = null
  private level = 0.5
  private device = ''

  /** Browsers allow sound only after a key or click, so this is called from the first one. */
  unlock(): void {
    if (this.context === null) {
      this.context = new AudioContext()
      this.gain = this.context.createGain()
      this.gain.gain.value = this.level
      this.gain.connect(this.context.destination)
      void this.setDevice(this.device)
    }
    void this.context.resume()
  }

  setVolume(level: number): void {
    this.level = level
    if (this.gain) this.gain.gain.value = level
  }

  async setDevice(id: string): Promise<void> {
    this.device = id
    const context = this.context as (AudioContext & { setSinkId?: (id: string) => Promise<void> }) | null
    if (context?.setSinkId) await context.setSinkId(id).catch(() => undefined)
  }

  start(): void {
    if (this.timer !== null) return
    this.ring()
    this.timer = setInterval(() => this.ring(), 3000)
  }

  stop(): void {
    if (this.timer !== null) clearInterval(this.timer)
    this.timer = null
  }

  private ring(): void {
    this.burst(0)
    this.burst(0.6)
  }

  private burst(delay: number): void {
    if (!this.context || !this.gain) return
    const from = this.context.currentTime + delay
    for (const frequency of [400, 450]) {
      const tone = this.context.createOscillator()
      const shape = this.context.createGain()
      tone.frequency.value = frequency
      shape.gain.setValueAtTime(0, from)
      shape.gain.linearRampToValueAtTime(0.25, from + 0.02)
      shape.gain.setValueAtTime(0.25, from + 0.38)
      shape.gain.linearRampToValueAtTime(0, from + 0.4)
      tone.connect(shape).connect(this.gain)
      tone.start(from)
      tone.stop(from + 0.41)
    }
  }
}

// The browser's telephone: SIP over WebSocket to the engine (RFC 7118), G.711 over DTLS-SRTP, no third-party server.

import * as JsSIP from 'jssip'
import type { RTCSession } from 'jssip/lib/RTCSession'
import { Backoff } from './backoff'
import { between, mos, type Sample } from './quality'
import { RefusedError } from './server'
import { microphoneWord, type Word } from './words'

export interface Token {
  ws_url: string
  uri: string
  realm: string
  username: string
  password: string
  /** Milliseconds until the engine refuses it. */
  valid_ms: number
}

export type Line = 'off' | 'connecting' | 'registered' | 'failed'

export interface PhoneListener {
  line(line: Line, why: Word | null): void
  ringing(callId: string | null): void
  answered(callId: string | null): void
  ended(callId: string | null): void
  quality(score: number): void
  problem(why: Word | null): void
}

interface Settings {
  token: () => Promise<Token>
  remote: HTMLAudioElement
  listener: PhoneListener
}

const REFRESH_MARGIN_MS = 120_000
const REGISTER_SECONDS = 120
const QUALITY_MS = 5000
const GATHER_MS = 300
const SETTLED_MS = 5000

function callIdOf(session: RTCSession): string | null {
  const data = session.data as { callId?: string | null } | null
  return data?.callId ?? null
}

export class Phone {
  private ua: JsSIP.UA | null = null
  private session: RTCSession | null = null
  private line: Line = 'off'
  private refresh: ReturnType<typeof setTimeout> | null = null
  private retry: ReturnType<typeof setTimeout> | null = null
  private sampling: ReturnType<typeof setInterval> | null = null
  private readonly backoff = new Backoff(1000, 30_000)
  private microphone = ''
  private expected: string | null = null
  private since = 0

  constructor(private readonly settings: Settings) {
    // The server is ICE-lite on a known address, so coming back online is the moment to try again, not a timer.
    window.addEventListener('online', () => this.wake())
  }

  get inCall(): boolean {
    return this.session?.isEstablished() ?? false
  }

  get muted(): boolean {
    return this.session?.isMuted().audio ?? false
  }

  /** Register. Asks for the microphone first, so that a refusal shows before a caller is on the line. */
  async start(): Promise<void> {
    if (this.ua) return
    this.report('connecting', null)
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ audio: this.constraints() })
      for (const track of stream.getTracks()) track.stop()
    } catch (error) {
      this.report('failed', microphoneWord(error instanceof Error ? error.name : ''))
      return
    }
    await this.connect()
  }

  /** Unregister and forget. A running call ends. */
  stop(): void {
    this.clearTimers()
    this.ua?.stop()
    this.ua = null
    this.session = null
    this.report('off', null)
  }

  answer(): void {
    if (!this.session || !this.session.isInProgress()) return
    this.session.answer({
      mediaConstraints: { audio: this.constraints(), video: false },
      pcConfig: { iceServers: [] },
    })
  }

  decline(): void {
    if (this.session?.isInProgress()) this.session.terminate({ status_code: 480 })
  }

  hangUp(): void {
    if (this.session && !this.session.isEnded()) this.session.terminate()
  }

  /** The engine has no call any more: end what is left of one here, or the next caller would find the line busy. */
  abandon(): void {
    if (this.inCall && performance.now() - this.since > SETTLED_MS) this.session?.terminate()
  }

  /** Answer by itself the leg of a call that the agent has just placed. */
  expect(callId: string | null): void {
    this.expected = callId
    if (callId !== null && this.session?.isInProgress() && callIdOf(this.session) === callId) this.answer()
  }

  setMuted(muted: boolean): void {
    if (!this.session) return
    if (muted) this.session.mute({ audio: true })
    else this.session.unmute({ audio: true })
  }

  sendDigit(digit: string): void {
    if (this.inCall) this.session?.sendDTMF(digit, { transportType: JsSIP.C.DTMF_TRANSPORT.RFC2833 as never })
  }

  /** Choose another microphone, also in the middle of a call. */
  async setMicrophone(id: string): Promise<void> {
    this.microphone = id
    const sender = this.session?.connection?.getSenders().find((item) => item.track?.kind === 'audio')
    if (!sender) return
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ audio: this.constraints() })
      const track = stream.getAudioTracks()[0]
      if (track) {
        track.enabled = !this.muted
        await sender.replaceTrack(track)
      }
    } catch (error) {
      this.settings.listener.problem(microphoneWord(error instanceof Error ? error.name : ''))
    }
  }

  async setSpeaker(id: string): Promise<void> {
    if ('setSinkId' in this.settings.remote) await this.settings.remote.setSinkId(id).catch(() => undefined)
  }

  private constraints(): MediaTrackConstraints {
    return this.microphone ? { deviceId: { exact: this.microphone } } : {}
  }

  private report(line: Line, why: Word | null): void {
    this.line = line
    this.settings.listener.line(line, why)
  }

  private async connect(): Promise<void> {
    let token: Token
    try {
      token = await this.settings.token()
    } catch (error) {
      this.report('failed', error instanceof RefusedError ? 'phone_refused' : 'phone_unreachable')
      this.again(() => void this.connect())
      return
    }
    const ua = new JsSIP.UA({
      sockets: [new JsSIP.WebSocketInterface(token.ws_url)],
      uri: token.uri,
      realm: token.realm,
      authorization_user: token.username,
      password: token.password,
      register: true,
      register_expires: REGISTER_SECONDS,
      session_timers: false,
      connection_recovery_min_interval: 1,
      connection_recovery_max_interval: 15,
      user_agent: 'Ringfence desk',
    })
    this.ua = ua
    this.keepFresh(token)
    ua.on('registered', () => {
      this.backoff.reset()
      this.report('registered', null)
      const connection = this.session?.connection
      if (this.session && connection && ['failed', 'disconnected'].includes(connection.iceConnectionState)) {
        this.restore(this.session, connection)
      }
    })
    ua.on('unregistered', () => {
      // After a lost connection it follows 'disconnected', whose sentence stays.
      if (this.ua === ua && ua.isConnected()) this.report('connecting', null)
    })
    ua.on('registrationFailed', () => {
      if (this.ua !== ua) return
      this.report('failed', ua.isConnected() ? 'phone_refused' : 'network_lost')
      this.again(() => void this.renew())
    })
    ua.on('disconnected', () => {
      if (this.ua === ua) this.report('failed', 'network_lost')
    })
    ua.on('newRTCSession', (event: { originator: string; session: RTCSession; request: unknown }) => {
      if (event.originator === 'remote') this.offered(event.session, event.request)
    })
    ua.start()
  }

  private keepFresh(token: Token): void {
    if (this.refresh !== null) clearTimeout(this.refresh)
    this.refresh = setTimeout(() => void this.renew(), Math.max(10_000, token.valid_ms - REFRESH_MARGIN_MS))
  }

  private async renew(): Promise<void> {
    const ua = this.ua
    if (!ua) return
    try {
      const token = await this.settings.token()
      ua.set('authorization_user', token.username)
      ua.set('password', token.password)
      this.keepFresh(token)
      if (ua.isConnected()) ua.register()
    } catch {
      this.again(() => void this.renew())
    }
  }

  private again(work: () => void): void {
    if (this.retry !== null) clearTimeout(this.retry)
    this.retry = setTimeout(() => {
      this.retry = null
      work()
    }, this.backoff.next())
  }

  /** Try again at once when waiting to: what the server refused before it may give now. */
  hurry(): void {
    if (this.retry === null) return
    clearTimeout(this.retry)
    this.retry = null
    this.backoff.reset()
    void (this.ua ? this.renew() : this.connect())
  }

  private wake(): void {
    if (!this.ua || this.line === 'registered') return
    this.backoff.reset()
    void this.renew()
  }

  private offered(session: RTCSession, request: unknown): void {
    if (this.session && !this.session.isEnded()) {
      session.terminate({ status_code: 486 })
      return
    }
    const headers = request as { getHeader(name: string): string | undefined }
    const callId = headers.getHeader('X-Ringfence-Call')?.trim() || null
    session.data = { callId }
    this.session = session
    session.on('peerconnection', (event) => this.watch(session, event.peerconnection))
    session.on('icecandidate', (event) => setTimeout(() => event.ready(), GATHER_MS))
    session.on('confirmed', () => {
      this.since = performance.now()
      this.settings.listener.answered(callId)
    })
    session.on('getusermediafailed', (error: unknown) =>
      this.settings.listener.problem(microphoneWord(error instanceof Error ? error.name : '')),
    )
    session.on('ended', () => this.over(session))
    session.on('failed', () => this.over(session))
    if (callId !== null && callId === this.expected) this.answer()
    else this.settings.listener.ringing(callId)
  }

  private over(session: RTCSession): void {
    if (this.session !== session) return
    const callId = callIdOf(session)
    this.session = null
    this.expected = null
    if (this.sampling !== null) clearInterval(this.sampling)
    this.sampling = null
    this.settings.remote.srcObject = null
    this.settings.listener.problem(null)
    this.settings.listener.ended(callId)
  }

  private watch(session: RTCSession, connection: RTCPeerConnection): void {
    connection.addEventListener('track', (event) => {
      this.settings.remote.srcObject = event.streams[0] ?? new MediaStream([event.track])
      void this.settings.remote.play().catch(() => undefined)
    })
    connection.addEventListener('iceconnectionstatechange', () => this.follow(session, connection))
    this.sample(connection)
  }

  private follow(session: RTCSession, connection: RTCPeerConnection): void {
    const state = connection.iceConnectionState
    if (state === 'connected' || state === 'completed') this.settings.listener.problem(null)
    else if (state === 'failed' || state === 'disconnected') {
      this.settings.listener.problem('audio_lost')
      this.restore(session, connection)
    }
  }

  /** ICE restart. Without a connection to the engine it waits for the next registration. */
  private restore(session: RTCSession, connection: RTCPeerConnection): void {
    if (!this.ua?.isConnected() || !session.isEstablished()) return
    session.renegotiate({ rtcOfferConstraints: { iceRestart: true } }, () => {
      // The path may have come back before the answer did, and then no further event tells of it.
      const now = connection.iceConnectionState
      if (now === 'connected' || now === 'completed') this.settings.listener.problem(null)
    })
  }

  private sample(connection: RTCPeerConnection): void {
    if (this.sampling !== null) clearInterval(this.sampling)
    let before: Sample = { received: 0, lost: 0, jitterMs: 0, roundTripMs: 0 }
    this.sampling = setInterval(() => {
      void connection.getStats().then((report) => {
        const now: Sample = { received: 0, lost: 0, jitterMs: 0, roundTripMs: 0 }
        for (const entry of report.values() as Iterable<Record<string, unknown>>) {
          const read = (key: string): number => (typeof entry[key] === 'number' ? (entry[key] as number) : 0)
          if (entry['type'] === 'inbound-rtp' && entry['kind'] === 'audio') {
            now.received = read('packetsReceived')
            now.lost = read('packetsLost')
            now.jitterMs = read('jitter') * 1000
          } else if (entry['type'] === 'candidate-pair' && entry['nominated'] === true) {
            now.roundTripMs = read('currentRoundTripTime') * 1000
          }
        }
        if (now.received > before.received) this.settings.listener.quality(mos(between(before, now)))
        before = now
      })
    }, QUALITY_MS)
  }

  private clearTimers(): void {
    for (const timer of [this.refresh, this.retry]) if (timer !== null) clearTimeout(timer)
    if (this.sampling !== null) clearInterval(this.sampling)
    this.refresh = this.retry = this.sampling = null
  }
}

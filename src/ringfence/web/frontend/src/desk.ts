// The agent desk: shows what the server says, sends what the agent asks, and rings.

import { Announcer } from './announcer'
import { DeskView } from './desk-view'
import { Live } from './live'
import { type Line, Phone, type Token } from './phone'
import { grade } from './quality'
import { RecordingView } from './recording-view'
import { Ringer } from './ringer'
import { RefusedError, Server, SignedOut } from './server'
import { type Action, actionOf } from './shortcuts'
import { type DeskState, type Phase, clock, lookEvery, queueStep } from './state'
import { type Word, type Words, fill, keypadWord } from './words'

const GAP_MS = 10_000
const SOUND_MS = 3000

function main(root: HTMLElement): void {
  const words = JSON.parse(document.getElementById('words')?.textContent ?? '{}') as Words
  const view = new DeskView(root, words)
  const server = new Server(root)
  const ringer = new Ringer()
  const announcer = new Announcer((text) => view.status(text), GAP_MS)
  const recording = new RecordingView(root, words, (what, text) => view.problem(what, text))
  const fields = JSON.parse(document.getElementById('fields')?.textContent ?? '{}') as Record<string, string>
  const remote = view.part('remote', HTMLAudioElement)
  let state: DeskState | null = null
  let handset = localStorage.getItem('desk-device') === 'handset'
  let browserRinging = false
  let answering = false
  let line: Line = 'off'
  const steps = new Map<string, number>()

  /** A refusal is shown in the server's own words until a token comes. */
  async function token(): Promise<Token> {
    try {
      const given = (await server.post('token')) as unknown as Token
      view.problem('token', '')
      return given
    } catch (error) {
      if (error instanceof RefusedError) view.problem('token', error.message)
      throw error
    }
  }

  const phone = new Phone({
    token,
    remote,
    listener: {
      line(now, why) {
        line = now
        view.line(now, why, handset)
        if (now === 'registered' && why === null) void devices()
      },
      ringing() {
        browserRinging = true
        live.soon()
        render()
      },
      answered() {
        browserRinging = false
        answering = false
        announcer.answer(words.answered)
        live.soon()
        void devices()
        render()
      },
      ended() {
        browserRinging = false
        answering = false
        view.quality(null)
        view.muted(false)
        live.soon()
        render()
      },
      quality(score) {
        view.quality(grade(score))
      },
      problem(why) {
        if (why !== null) answering = false
        view.problem('phone', why === null ? '' : words[why])
      },
    },
  })

  const live = new Live({
    url: server.url('events'),
    load: () => server.state(),
    show(fresh) {
      view.problem('live', '')
      update(fresh)
    },
    lost() {
      view.problem('live', words.live_lost)
    },
    signedOut() {
      view.problem('live', words.signed_out)
      phone.stop()
      ringer.stop()
    },
    pace: () => lookEvery(state?.call?.payments ?? []),
    told(event) {
      if (event['kind'] === 'keypad' && event['call'] === state?.call?.call_id) keypadTold(event)
    },
  })

  /** How far the caller is with the keypad: how many keys and what came of it, never which. */
  function keypadTold(event: Record<string, unknown>): void {
    const field = fields[String(event['field'])] ?? ''
    const count = String(Number(event['digits']) || 0)
    const outcome = String(event['outcome'])
    const word = keypadWord(outcome)
    if (word === null) return
    const said = fill(words[word], { field, count })
    recording.keypadTold(said)
    if (outcome !== 'typing') announcer.mention(said)
  }

  function update(fresh: DeskState): void {
    const before = state
    state = fresh
    if (before) {
      if (before.agent.label !== fresh.agent.label) announcer.mention(fresh.agent.label)
      if (before.call && !fresh.call) {
        announcer.answer(words.call_ended)
        view.problem('command', '')
      }
      if (before.call?.phase === 'transferring' && (fresh.call?.phase === 'talking' || fresh.call?.phase === 'held')) {
        view.problem('command', words.transfer_failed)
      }
      const was = before.call?.recording.text
      if (fresh.call && fresh.call.recording.text !== was) announcer.mention(fresh.call.recording.text)
    }
    for (const queue of fresh.queues) {
      const step = queueStep(queue.waiting)
      if (before && step > (steps.get(queue.name) ?? 0)) {
        announcer.mention(fill(words.waiting, { count: String(queue.waiting), queue: queue.name }))
      }
      steps.set(queue.name, step)
    }
    if (fresh.engine && !fresh.call) phone.abandon()
    checkSound()
    render()
  }

  /** A page that was reloaded in a call has lost its sound; the engine notices later. */
  function soundless(): boolean {
    const phase = state?.call?.phase
    return !handset && !answering && !phone.inCall && (phase !== undefined && phase !== 'ringing' && phase !== 'dialling')
  }

  function checkSound(): void {
    if (!soundless()) view.problem('sound', '')
    else setTimeout(() => view.problem('sound', soundless() ? words.no_sound : ''), SOUND_MS)
  }

  function ringing(): boolean {
    return browserRinging || state?.call?.phase === 'ringing'
  }

  function render(): void {
    if (!state) return
    view.show(state, { handset, browserRinging, answering, inCall: phone.inCall })
    recording.show(state.call, Date.now() + view.offset)
    if (ringing() && !answering && !handset) ringer.start()
    else ringer.stop()
  }

  /** Send a command; a refusal is shown in the server's own words. */
  async function ask(name: string, values: Record<string, string> = {}, said?: Word): Promise<Record<string, unknown> | null> {
    view.problem('command', '')
    try {
      const reply = await server.post(name, values)
      if (said) announcer.answer(words[said])
      live.soon()
      return reply
    } catch (error) {
      if (error instanceof SignedOut) view.problem('command', words.signed_out)
      else view.problem('command', error instanceof Error && error.message ? error.message : words.request_failed)
      return null
    }
  }

  /** The recording is paused before the page opens: the server gives its address only then. */
  async function openPayment(link: string, address: string): Promise<void> {
    recording.blocked('')
    const reply = await ask('pay', { ...callId(), link_id: link, address }, 'payment_opened')
    if (typeof reply?.['url'] !== 'string') return
    recording.closeLinks()
    const opened = window.open(reply['url'], 'ringfence-payment', 'popup,width=1100,height=860')
    if (opened !== null) return
    recording.blocked(reply['url'])
    announcer.answer(words.payment_blocked)
  }

  const held = (): boolean => state?.call?.phase === 'held'
  const callId = (): Record<string, string> => ({ call_id: state?.call?.call_id ?? '' })

  const actions: Record<Action, () => void> = {
    answer() {
      if (handset || !browserRinging) return
      answering = true
      phone.answer()
      render()
    },
    hold() {
      if (!state?.call) return
      if (held()) void ask('retrieve', callId(), 'retrieved')
      else void ask('hold', callId(), 'held')
    },
    mute() {
      if (!phone.inCall) return
      phone.setMuted(!phone.muted)
      view.muted(phone.muted)
      announcer.answer(phone.muted ? words.muted : words.unmuted)
    },
    transfer: () => view.toggleTransfer(),
    hangup() {
      if (state?.call?.visiting) void ask('leave', callId())
      else if (state?.call) void ask('hang-up', callId())
      else phone.hangUp()
    },
    state() {
      const ready = state?.agent.state === 'available'
      void ask('set-state', ready ? { state: 'not_ready', reason: view.reason() } : { state: 'available' })
    },
    tell() {
      if (!state) return
      const seconds = (Date.now() + view.offset - state.agent.since) / 1000
      const values = { state: state.agent.label, time: clock(seconds), recording: state.call?.recording.text ?? '' }
      announcer.answer(fill(state.call ? words.tell_recording : words.tell, values))
    },
    keys: () => view.toggleKeys(),
    mask() {
      if (!state?.call || state.call.visiting) return
      if (state.call.masked) {
        recording.closeWhy()
        void ask('unmask', callId(), 'unmasked')
      } else void mask()
    },
    pay() {
      const call = state?.call
      if (!call || call.visiting || call.phase === 'ringing') return
      const [only, another] = call.links
      if (only === undefined) view.problem('command', words.payment_none)
      else if (another === undefined && !call.payments.length) void openPayment(only.link_id, '')
      else recording.toggleLinks()
    },
    stop() {
      if (state?.call?.may_stop) recording.ask('stop', (values) => void ask('stop', { ...callId(), ...values }, 'stopped'))
    },
    objects() {
      if (state?.call) recording.ask('objects', (values) => void ask('objects', { ...callId(), ...values }, 'objected'))
    },
    flag() {
      if (state?.call) recording.ask('flag', (values) => void ask('flag', { ...callId(), ...values }, 'flagged'))
    },
    consult: () => view.toggleTransfer(),
    complete: () => third('consulting', 'complete'),
    return: () => third('consulting', 'return'),
    conference: () => third('consulting', 'conference'),
    leave: () => third('conference', 'leave'),
    drop() {
      const role = state?.call?.parties.find((party) => party === 'destination' || party === 'supervisor')
      if (role !== undefined) void ask('drop', { ...callId(), role })
    },
  }

  function third(phase: Phase, name: string): void {
    if (state?.call?.phase === phase) void ask(name, callId())
  }

  async function mask(): Promise<void> {
    if ((await ask('mask', callId(), 'masked')) !== null) recording.askWhy()
  }

  async function devices(): Promise<void> {
    if (navigator.mediaDevices) view.devices(await navigator.mediaDevices.enumerateDevices())
  }

  function useDevice(name: string): void {
    handset = name === 'handset'
    localStorage.setItem('desk-device', name)
    view.problem('token', '')
    if (handset) phone.stop()
    else void phone.start()
    view.line(handset ? 'off' : line, null, handset)
    render()
  }

  view.wire({
    actions,
    ringer,
    useDevice,
    setState: (name, reason) => void ask('set-state', reason ? { state: name, reason } : { state: name }),
    async location(name) {
      await ask('location', { location: name })
      phone.hurry()
    },
    transfer: (entry) => void ask('transfer', { ...callId(), entry_id: entry }),
    consult: (entry) => void ask('consult', { ...callId(), entry_id: entry }),
    join: (call) => void ask('join', { call_id: call }, 'joined'),
    async dial(number, client) {
      const reply = await ask('dial', { number, client })
      if (typeof reply?.['call_id'] === 'string') phone.expect(reply['call_id'])
    },
    microphone: (id) => void phone.setMicrophone(id),
    speaker: (id) => void phone.setSpeaker(id),
  })
  recording.wire({
    mask: actions.mask,
    pay: actions.pay,
    stop: actions.stop,
    objects: actions.objects,
    flag: actions.flag,
    async nameMask(code) {
      if ((await ask('name-mask', { ...callId(), code }, 'mask_named')) !== null) recording.closeWhy()
    },
    openPayment: (link, address) => void openPayment(link, address),
    finish: (payment) =>
      recording.ask('finish', (values) => void ask('pay-finish', { payment_id: payment, ...values }, 'payment_finished')),
    keypad: (payment, field) => void ask('keypad', { payment_id: payment, field }),
    keypadStop: (payment) => void ask('keypad-stop', { payment_id: payment }, 'keypad_stopped'),
    sensitive(response) {
      if (response === 'shown') announcer.mention(words.sensitive)
      void ask('sensitive', { ...callId(), response })
    },
    withoutPause: () => void ask('without-pause', callId(), 'payment_reported'),
  })
  setInterval(() => recording.tick(Date.now() + view.offset), 1000)
  view.handsetChosen(handset)

  document.addEventListener('keydown', (event) => {
    ringer.unlock()
    const listOpen = view.keysOpen
    const action = actionOf(event, listOpen)
    if (action === null) return
    event.preventDefault()
    if (listOpen && action !== 'keys') view.closeKeys()
    actions[action]()
  })
  document.addEventListener('pointerdown', () => ringer.unlock())
  window.addEventListener('beforeunload', (event) => {
    if (phone.inCall) event.preventDefault()
  })
  navigator.mediaDevices?.addEventListener('devicechange', () => void devices())

  root.hidden = false
  document.getElementById('desk-missing')?.remove()

  // One telephone per browser: a second tab would take the registration from the first in the middle of a call.
  void navigator.locks.request('ringfence-desk', { ifAvailable: true }, async (lock) => {
    if (lock === null) {
      view.problem('tab', words.another_tab)
      return
    }
    live.start()
    if (handset) view.line('off', null, true)
    else void phone.start()
    await new Promise<never>(() => undefined)
  })
}

const desk = document.getElementById('desk')
if (desk) main(desk)

// The agent desk: shows what the server says, sends what the agent asks, and rings.

import { Announcer } from './announcer'
import { DeskView } from './desk-view'
import { Live } from './live'
import { type Line, Phone, type Token } from './phone'
import { grade } from './quality'
import { Ringer } from './ringer'
import { Server, SignedOut } from './server'
import { type Action, actionOf } from './shortcuts'
import { type DeskState, clock, queueStep } from './state'
import { type Word, type Words, fill } from './words'

const GAP_MS = 10_000
const SOUND_MS = 3000

function main(root: HTMLElement): void {
  const words = JSON.parse(document.getElementById('words')?.textContent ?? '{}') as Words
  const view = new DeskView(root, words)
  const server = new Server(root)
  const ringer = new Ringer()
  const announcer = new Announcer((text) => view.status(text), GAP_MS)
  const remote = view.part('remote', HTMLAudioElement)
  let state: DeskState | null = null
  let handset = localStorage.getItem('desk-device') === 'handset'
  let browserRinging = false
  let answering = false
  let line: Line = 'off'
  const steps = new Map<string, number>()

  const phone = new Phone({
    token: async () => (await server.post('token')) as unknown as Token,
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
  })

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
    return !handset && !answering && !phone.inCall && (phase === 'talking' || phase === 'held' || phase === 'transferring')
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
    if (ringing() && !answering && !handset) ringer.start()
    else ringer.stop()
  }

  /** Send a command; a refusal is shown in the server's own words. */
  async function ask(name: string, values: Record<string, string> = {}, said?: Word): Promise<Record<string, unknown>> {
    view.problem('command', '')
    try {
      const reply = await server.post(name, values)
      if (said) announcer.answer(words[said])
      live.soon()
      return reply
    } catch (error) {
      if (error instanceof SignedOut) view.problem('command', words.signed_out)
      else view.problem('command', error instanceof Error && error.message ? error.message : words.request_failed)
      return {}
    }
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
      if (state?.call) void ask('hang-up', callId())
      else phone.hangUp()
    },
    state() {
      const ready = state?.agent.state === 'available'
      void ask('set-state', ready ? { state: 'not_ready', reason: view.reason() } : { state: 'available' })
    },
    tell() {
      if (!state) return
      const seconds = (Date.now() + view.offset - state.agent.since) / 1000
      announcer.answer(fill(words.tell, { state: state.agent.label, time: clock(seconds) }))
    },
    keys: () => view.openKeys(),
  }

  async function devices(): Promise<void> {
    if (navigator.mediaDevices) view.devices(await navigator.mediaDevices.enumerateDevices())
  }

  function useDevice(name: string): void {
    handset = name === 'handset'
    localStorage.setItem('desk-device', name)
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
    location: (name) => void ask('location', { location: name }),
    transfer: (entry) => void ask('transfer', { ...callId(), entry_id: entry }),
    async dial(number, client) {
      const reply = await ask('dial', { number, client })
      if (typeof reply['call_id'] === 'string') phone.expect(reply['call_id'])
    },
    microphone: (id) => void phone.setMicrophone(id),
    speaker: (id) => void phone.setSpeaker(id),
  })
  view.handsetChosen(handset)

  document.addEventListener('keydown', (event) => {
    ringer.unlock()
    const action = actionOf(event)
    if (action === null) return
    event.preventDefault()
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

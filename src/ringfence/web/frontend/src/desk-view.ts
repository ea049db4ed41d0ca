// The desk's elements: what they show and what pressing them means. No rule about calls stands here.

import type { Line } from './phone'
import type { Grade } from './quality'
import type { Ringer } from './ringer'
import type { Action } from './shortcuts'
import { type Call, type DeskState, type Joinable, type Queue, clock } from './state'
import { type Word, type Words, fill } from './words'

export interface Handlers {
  actions: Record<Action, () => void>
  ringer: Ringer
  useDevice(name: string): void
  setState(name: string, reason: string): void
  location(name: string): void
  transfer(entry: string): void
  consult(entry: string): void
  join(call: string): void
  dial(number: string, client: string): Promise<void>
  microphone(id: string): void
  speaker(id: string): void
}

export interface Local {
  handset: boolean
  browserRinging: boolean
  answering: boolean
  inCall: boolean
}

type Problem = 'tab' | 'live' | 'phone' | 'token' | 'line' | 'sound' | 'command' | 'payment' | 'mask'

export class DeskView {
  /** Server clock minus this machine's clock, in milliseconds. */
  offset = 0
  private state: DeskState | null = null
  private readonly problems = new Map<Problem, string>()
  private readonly title = document.title
  private readonly phases: Readonly<Record<string, string>>
  private flashing = false

  constructor(
    private readonly root: HTMLElement,
    private readonly words: Words,
  ) {
    this.phases = JSON.parse(document.getElementById('phases')?.textContent ?? '{}') as Record<string, string>
    setInterval(() => this.tick(), 1000)
  }

  part<T extends HTMLElement>(id: string, kind: new () => T): T {
    const element = this.root.querySelector(`#${id}`)
    if (!(element instanceof kind)) throw new TypeError(`The page has no ${id}.`)
    return element
  }

  private get(id: string): HTMLElement {
    return this.part(id, HTMLElement)
  }

  private put(id: string, text: string): void {
    const element = this.get(id)
    if (element.textContent !== text) element.textContent = text
  }

  status(text: string): void {
    const region = this.get('status')
    region.textContent = ''
    requestAnimationFrame(() => (region.textContent = text))
  }

  /** Problems are kept by origin, so that one that is mended does not wipe another. */
  problem(origin: Problem, text: string): void {
    const before = [...this.problems.values()].join(' ')
    if (text) this.problems.set(origin, text)
    else this.problems.delete(origin)
    const now = [...this.problems.values()].join(' ')
    if (now === before) return
    this.put('problem-text', now)
    this.get('problem').hidden = now === ''
    this.put('alarm', text)
  }

  line(line: Line, why: Word | null, handset: boolean): void {
    this.get('phone').dataset['phone'] = handset ? 'off' : line
    const word: Record<Line, string> = {
      off: this.words.desk_phone,
      connecting: this.words.connecting,
      registered: this.words.registered,
      failed: why === null ? this.words.phone_unreachable : this.words[why],
    }
    this.put('phone-text', handset ? this.words.desk_phone : word[line])
    this.problem('line', !handset && line === 'failed' ? word.failed : '')
    this.get('browser-audio').hidden = handset
  }

  handsetChosen(handset: boolean): void {
    this.part(handset ? 'device-handset' : 'device-browser', HTMLInputElement).checked = true
    this.showEmergencyNote()
  }

  quality(grade: Grade | null): void {
    const text = { good: this.words.quality_good, fair: this.words.quality_fair, poor: this.words.quality_poor }
    this.put('quality', grade === null ? '' : text[grade])
  }

  muted(muted: boolean): void {
    const button = this.get('mute')
    button.setAttribute('aria-pressed', String(muted))
    button.textContent = muted ? this.words.unmute : this.words.mute
  }

  reason(): string {
    return this.part('reason', HTMLSelectElement).value
  }

  get keysOpen(): boolean {
    return this.part('keys', HTMLDialogElement).open
  }

  toggleKeys(): void {
    const dialog = this.part('keys', HTMLDialogElement)
    if (dialog.open) dialog.close()
    else dialog.showModal()
  }

  closeKeys(): void {
    this.part('keys', HTMLDialogElement).close()
  }

  toggleTransfer(): void {
    const phase = this.state?.call?.phase
    if (phase !== 'talking' && phase !== 'held') return
    const panel = this.get('transfer')
    panel.hidden = !panel.hidden
    this.get('transfer-open').setAttribute('aria-expanded', String(!panel.hidden))
    if (panel.hidden) this.get('transfer-open').focus()
    else {
      this.filterTransfers()
      this.get('transfer-search').focus()
    }
  }

  devices(found: MediaDeviceInfo[]): void {
    this.fillDevices('microphone', found, 'audioinput')
    this.fillDevices('speaker', found, 'audiooutput')
    this.fillDevices('ring-device', found, 'audiooutput')
  }

  show(state: DeskState, local: Local): void {
    this.state = state
    this.offset = state.now - Date.now()
    const agent = state.agent
    this.get('state').dataset['state'] = agent.state
    this.put('state-name', agent.label)
    this.put('state-detail', agent.blocked || agent.reason)
    const talking = ['talking', 'hold', 'consult', 'conference'].includes(agent.state)
    const busy = talking || agent.state === 'ringing'
    this.get('go-available').hidden = busy || agent.state === 'available'
    this.part('go-available', HTMLButtonElement).disabled = agent.blocked !== ''
    const notReady = this.get('go-not-ready')
    notReady.textContent = (talking ? notReady.dataset['after'] : notReady.dataset['now']) ?? ''
    this.get('log-out').hidden = busy || agent.state === 'logged_out'
    this.showCall(state.call, local)
    this.showIncoming(state.call, local)
    this.showQueues(state.queues)
    this.showJoinable(state.joinable)
    this.put('idle-hint', agent.state === 'available' && agent.reason === '' ? this.words.ready_to_take_calls : '')
    this.tick()
  }

  private showCall(call: Call | null, local: Local): void {
    this.get('in-call').hidden = call === null
    this.get('no-call').hidden = call !== null
    this.get('controls').hidden = call === null || call.phase === 'ringing'
    if (call?.phase === 'ringing') this.closeTransfer()
    const recording = this.get('recording')
    recording.hidden = call === null
    if (!call) {
      this.closeTransfer()
      return
    }
    recording.dataset['recording'] = call.recording.kind
    this.put('recording-text', call.recording.text)
    this.put('call-client', call.client)
    this.put('call-greeting', call.greeting)
    this.get('greeting-block').hidden = call.greeting === '' || call.outbound
    this.put('call-caller', call.caller)
    for (const [id, text] of [
      ['call-name', call.caller_name],
      ['call-line', call.line],
      ['call-queue', call.queue],
    ] as const) {
      this.put(id, text)
      const row = this.get(id).parentElement
      if (row) row.hidden = text === ''
    }
    this.put('call-phase', this.phases[call.phase] ?? '')
    const hold = this.get('hold')
    hold.textContent = call.phase === 'held' ? (hold.dataset['retrieve'] ?? '') : (hold.dataset['hold'] ?? '')
    const simple = call.phase === 'talking' || call.phase === 'held'
    this.part('hold', HTMLButtonElement).disabled = call.phase === 'transferring'
    this.get('hold').hidden = call.visiting || !(simple || call.phase === 'transferring')
    this.get('transfer-open').hidden = call.visiting || !simple
    if (!simple) this.closeTransfer()
    this.get('mute').hidden = local.handset || !local.inCall
    this.showThird(call)
  }

  /** Somebody is asked, or is the third person of the call. */
  private showThird(call: Call): void {
    const asking = call.phase === 'consulting'
    const together = call.phase === 'conference'
    this.get('third').hidden = !asking && !together
    const words = asking ? this.words.asking : this.words.with_third
    this.put('third-text', fill(words, { name: call.consult }))
    for (const [id, shown] of [
      ['complete', asking],
      ['conference', asking],
      ['return', asking],
      ['drop', together && !call.visiting],
      ['leave', together],
    ] as const) {
      this.get(id).hidden = !shown
    }
  }

  private showJoinable(calls: Joinable[]): void {
    const list = this.root.querySelector('#joinable')
    if (!(list instanceof HTMLElement)) return
    const wanted = calls.map((call) => `${call.call_id} ${call.agent} ${call.client}`).join('\n')
    this.get('joinable-none').hidden = calls.length > 0
    if (list.dataset['shown'] === wanted) return
    list.dataset['shown'] = wanted
    const rows = calls.map((call) => {
      const row = document.createElement('li')
      const name = document.createElement('span')
      const button = document.createElement('button')
      const hidden = document.createElement('span')
      name.textContent = `${call.agent}, ${call.client}`
      button.type = 'button'
      button.className = 'govuk-button govuk-button--secondary govuk-!-margin-bottom-0'
      button.dataset['call'] = call.call_id
      button.textContent = list.dataset['join'] ?? ''
      hidden.className = 'govuk-visually-hidden'
      hidden.textContent = ` ${call.agent}`
      button.append(hidden)
      row.append(name, button)
      return row
    })
    list.replaceChildren(...rows)
  }

  private showIncoming(call: Call | null, local: Local): void {
    const ringing = (call?.phase === 'ringing' || local.browserRinging) && !local.answering
    const panel = this.get('incoming')
    if (ringing && call) {
      const text = fill(this.words.incoming, { client: call.client })
      this.put('incoming-text', text)
      this.put('incoming-detail', local.handset ? this.words.handset_ringing : [call.caller, call.queue].filter(Boolean).join(', '))
      if (panel.hidden) this.put('alarm', `${text}. ${call.caller}`)
    }
    panel.hidden = !(ringing && call)
    this.get('answer').hidden = local.handset || !local.browserRinging
    if (!ringing) document.title = this.title
    this.flashing = ringing
  }

  private showQueues(queues: Queue[]): void {
    const list = this.get('queues')
    const rows = queues.map((queue) => {
      const row = document.createElement('li')
      const name = document.createElement('span')
      const count = document.createElement('strong')
      name.textContent = queue.name
      count.textContent = queue.waiting === 0 ? '0' : `${queue.waiting} (${clock(queue.longest_seconds)})`
      row.append(name, count)
      return row
    })
    list.replaceChildren(...rows)
  }

  private tick(): void {
    if (!this.state) return
    const now = Date.now() + this.offset
    this.put('state-timer', clock((now - this.state.agent.since) / 1000))
    if (this.state.call) this.put('call-timer', clock((now - this.state.call.since) / 1000))
    if (this.flashing && this.state.call) {
      const ring = fill(this.words.incoming, { client: this.state.call.client })
      document.title = document.title === this.title ? ring : this.title
    }
  }

  private closeTransfer(): void {
    this.get('transfer').hidden = true
    this.get('transfer-open').setAttribute('aria-expanded', 'false')
    this.part('transfer-search', HTMLInputElement).value = ''
  }

  private filterTransfers(): void {
    const wanted = this.part('transfer-search', HTMLInputElement).value.trim().toLowerCase()
    let shown = 0
    for (const row of this.get('transfer-list').children) {
      if (!(row instanceof HTMLElement)) continue
      const clients = (row.dataset['clients'] ?? '').split(' ').filter(Boolean)
      const offered = clients.length === 0 || clients.includes(this.state?.call?.client_code ?? '')
      const hit = offered && (row.dataset['name'] ?? '').includes(wanted)
      row.hidden = !hit
      if (hit) shown += 1
    }
    this.get('transfer-none').hidden = shown > 0
    this.get('transfer-list').hidden = shown === 0
  }

  private fillDevices(id: string, found: MediaDeviceInfo[], kind: MediaDeviceKind): void {
    const select = this.part(id, HTMLSelectElement)
    const chosen = select.value || localStorage.getItem(`desk-${id}`) || ''
    const first = select.options[0]
    select.replaceChildren(...(first ? [first] : []))
    for (const device of found) {
      if (device.kind !== kind || device.deviceId === '' || device.deviceId === 'default') continue
      select.add(new Option(device.label || device.deviceId.slice(0, 8), device.deviceId))
    }
    if ([...select.options].some((option) => option.value === chosen)) {
      select.value = chosen
      if (chosen) select.dispatchEvent(new Event('change'))
    }
  }

  private showEmergencyNote(): void {
    this.get('emergency-note').hidden = this.part('location', HTMLSelectElement).value === 'office'
  }

  wire(handlers: Handlers): void {
    const press = (id: string, work: () => void): void => this.get(id).addEventListener('click', work)
    press('answer', handlers.actions.answer)
    press('hold', handlers.actions.hold)
    press('mute', handlers.actions.mute)
    press('transfer-open', handlers.actions.transfer)
    press('hang-up', handlers.actions.hangup)
    press('keys-open', handlers.actions.keys)
    press('keys-close', () => this.closeKeys())
    for (const name of ['complete', 'conference', 'return', 'drop', 'leave'] as const) press(name, handlers.actions[name])
    this.root.querySelector('#joinable')?.addEventListener('click', (event) => {
      const button = event.target instanceof Element ? event.target.closest('[data-call]') : null
      if (button instanceof HTMLElement) handlers.join(button.dataset['call'] ?? '')
    })
    press('go-available', () => handlers.setState('available', ''))
    press('go-not-ready', () => handlers.setState('not_ready', this.reason()))
    press('log-out', () => handlers.setState('logged_out', ''))
    for (const id of ['device-browser', 'device-handset']) {
      const radio = this.part(id, HTMLInputElement)
      radio.addEventListener('change', () => handlers.useDevice(radio.value))
    }
    const choose = (id: string, work: (value: string) => void): void => {
      const select = this.part(id, HTMLSelectElement)
      select.addEventListener('change', () => work(select.value))
    }
    const remember = (id: string, work: (value: string) => void): void =>
      choose(id, (value) => {
        localStorage.setItem(`desk-${id}`, value)
        work(value)
      })
    choose('location', (value) => {
      this.showEmergencyNote()
      handlers.location(value)
    })
    remember('microphone', handlers.microphone)
    remember('speaker', handlers.speaker)
    remember('ring-device', (value) => void handlers.ringer.setDevice(value))
    this.slide('volume', (level) => (this.part('remote', HTMLAudioElement).volume = level))
    this.slide('ring-volume', (level) => handlers.ringer.setVolume(level))
    this.get('transfer-search').addEventListener('input', () => this.filterTransfers())
    this.get('transfer-list').addEventListener('click', (event) => {
      const button = event.target instanceof Element ? event.target.closest('[data-entry]') : null
      if (button instanceof HTMLElement && button.dataset['entry']) handlers.transfer(button.dataset['entry'])
      const ask = event.target instanceof Element ? event.target.closest('[data-ask]') : null
      if (ask instanceof HTMLElement && ask.dataset['ask']) handlers.consult(ask.dataset['ask'])
    })
    const form = document.getElementById('dial')
    form?.addEventListener('submit', (event) => {
      event.preventDefault()
      const number = this.part('dial-number', HTMLInputElement).value.trim()
      if (number) void handlers.dial(number, this.part('dial-client', HTMLSelectElement).value)
      else this.get('dial-number').focus()
    })
  }

  private slide(id: string, work: (level: number) => void): void {
    const input = this.part(id, HTMLInputElement)
    const saved = localStorage.getItem(`desk-${id}`)
    if (saved !== null) input.value = saved
    const apply = (): void => work(Number(input.value) / 100)
    input.addEventListener('input', () => {
      localStorage.setItem(`desk-${id}`, input.value)
      apply()
    })
    apply()
  }
}

// What the agent can do to the recording, and how far payments and keypad entry are. No rule about calls stands here.

import { Asking, type Values } from './asking'
import { type Call, type Payment, clock } from './state'
import { type Words, fill } from './words'

export interface RecordingHandlers {
  mask(): void
  pay(): void
  stop(): void
  objects(): void
  flag(): void
  nameMask(code: string): void
  openPayment(link: string, address: string): void
  finish(payment: string): void
  keypad(payment: string, field: string): void
  keypadStop(payment: string): void
  withoutPause(): void
  /** The prompt of a sensitive queue was shown, followed or put off. */
  sensitive(response: 'shown' | 'masked' | 'not_now'): void
}

const CONTACT_MS = 15_000
/** The payment page speaks every five seconds; after this it counts as out of contact. */

export type Warning = 'payment' | 'mask'

export class RecordingView {
  private call: Call | null = null
  private readonly questions = new Map<string, Asking>()
  private reminded = 0
  private handlers: RecordingHandlers | null = null

  constructor(
    private readonly root: HTMLElement,
    private readonly words: Words,
    private readonly warn: (what: Warning, text: string) => void,
  ) {
    for (const name of ['stop', 'objects', 'flag', 'finish']) {
      const dialog = this.find(`ask-${name}`)
      if (dialog instanceof HTMLDialogElement) this.questions.set(name, new Asking(dialog))
    }
  }

  private find(id: string): HTMLElement {
    const element = this.root.querySelector(`#${id}`)
    if (!(element instanceof HTMLElement)) throw new TypeError(`The page has no ${id}.`)
    return element
  }

  private put(id: string, text: string): void {
    const element = this.find(id)
    if (element.textContent !== text) element.textContent = text
  }

  private value(id: string): string {
    const element = this.find(id)
    return element instanceof HTMLInputElement || element instanceof HTMLSelectElement ? element.value : ''
  }

  ask(name: 'stop' | 'objects' | 'flag' | 'finish', done: (values: Values) => void): void {
    this.questions.get(name)?.open(done)
  }

  show(call: Call | null, now: number): void {
    const before = this.call
    this.call = call
    if (call === null || before?.call_id !== call.call_id) this.forget()
    const speaking = call !== null && call.phase !== 'ringing' && call.phase !== 'dialling' && !call.visiting
    for (const id of ['mask', 'pay', 'recording-more']) this.find(id).hidden = !speaking
    this.find('payments').hidden = call === null || call.payments.length === 0
    if (call === null) return
    const mask = this.find('mask')
    mask.setAttribute('aria-pressed', String(call.masked))
    const text = (call.masked ? mask.dataset['unmask'] : mask.dataset['mask']) ?? ''
    if (mask.textContent !== text) mask.textContent = text
    this.find('stop-open').hidden = !call.may_stop
    this.find('objects-open').hidden = call.recording.text === this.find('objects-open').dataset['done']
    this.put('duty', call.duty)
    this.find('duty-line').hidden = call.duty === ''
    this.find('duty-nobody').hidden = call.duty !== ''
    this.showPrompt(call, speaking)
    this.showLinks(call)
    this.showPayments(call.payments, call.keypad)
    this.tick(now)
  }

  /** Once for each call of a sensitive queue, from its answer until the agent has answered or masked. */
  private showPrompt(call: Call, speaking: boolean): void {
    const panel = this.find('sensitive')
    const key = `sensitive-${call.call_id}`
    const done = sessionStorage.getItem(key)
    const wanted = call.sensitive && speaking && call.may_stop && !call.masked && !call.payments.length && done !== 'answered'
    panel.hidden = !wanted
    if (wanted && done === null) {
      sessionStorage.setItem(key, 'shown')
      this.handlers?.sensitive('shown')
    }
  }

  private answerPrompt(response: 'masked' | 'not_now'): void {
    if (this.call === null) return
    sessionStorage.setItem(`sensitive-${this.call.call_id}`, 'answered')
    this.find('sensitive').hidden = true
    this.handlers?.sensitive(response)
    if (response === 'masked') this.handlers?.mask()
  }

  private forget(): void {
    this.find('sensitive').hidden = true
    this.find('mask-why').hidden = true
    this.find('pay-form').hidden = true
    this.find('payment-blocked').hidden = true
    this.put('keypad-progress', '')
    this.reminded = 0
    for (const question of this.questions.values()) question.close()
  }

  /** Ask why, now that the mask is in force; the answer may wait. */
  askWhy(): void {
    this.find('mask-why').hidden = false
  }

  closeWhy(): void {
    this.find('mask-why').hidden = true
  }

  toggleLinks(): void {
    const form = this.find('pay-form')
    form.hidden = !form.hidden
    if (!form.hidden) this.find('pay-link').focus()
  }

  closeLinks(): void {
    this.find('pay-form').hidden = true
    const address = this.find('pay-address')
    if (address instanceof HTMLInputElement) address.value = ''
  }

  /** The browser did not let the window open; the agent can follow the link, which works once and for seconds. */
  blocked(url: string): void {
    const link = this.find('payment-blocked-link')
    if (link instanceof HTMLAnchorElement) link.href = url
    this.find('payment-blocked').hidden = url === ''
    if (url !== '') link.focus()
  }

  keypadTold(text: string): void {
    this.put('keypad-progress', text)
  }

  private showLinks(call: Call): void {
    const select = this.find('pay-link')
    if (!(select instanceof HTMLSelectElement)) return
    const wanted = call.links.map((link) => `${link.link_id} ${link.name}`).join('\n')
    if (select.dataset['shown'] === wanted) return
    select.dataset['shown'] = wanted
    select.replaceChildren(...call.links.map((link) => new Option(link.name, link.link_id)))
  }

  private showPayments(payments: Payment[], keypad: string): void {
    const list = this.find('payment-list')
    const wanted = payments.map((payment) => payment.payment_id).join(' ')
    if (list.dataset['shown'] !== wanted) {
      list.dataset['shown'] = wanted
      list.replaceChildren(...payments.map((payment) => this.row(payment)))
    }
    this.find('keypad').hidden = payments.length === 0
    this.find('keypad-stop').hidden = keypad === ''
    for (const button of this.find('keypad').querySelectorAll<HTMLElement>('[data-field]')) {
      button.setAttribute('aria-pressed', String(button.dataset['field'] === keypad))
    }
  }

  private row(payment: Payment): HTMLElement {
    const template = this.find('payment-row')
    const row = template instanceof HTMLTemplateElement ? template.content.cloneNode(true) : null
    const item = row instanceof DocumentFragment ? row.firstElementChild : null
    if (!(item instanceof HTMLElement)) throw new TypeError('The page has no row for payments.')
    item.dataset['payment'] = payment.payment_id
    const name = item.querySelector('[data-name]')
    if (name) name.textContent = payment.name
    item.querySelector('[data-finish]')?.addEventListener('click', () => this.handlers?.finish(payment.payment_id))
    return item
  }

  /** Once a second: ages, contact, warnings. Only warnings are announced. */
  tick(now: number): void {
    const call = this.call
    this.put('recording-time', call?.recording.since ? clock((now - call.recording.since) / 1000) : '')
    this.remindOfMask(call, now)
    const silent: string[] = []
    for (const payment of call?.payments ?? []) {
      const line = this.root.querySelector(`[data-payment="${payment.payment_id}"] [data-contact]`)
      const text = this.contact(payment, now)
      if (line && line.textContent !== text) line.textContent = text
      if (now >= payment.warn_at) silent.push(payment.name)
    }
    this.warn('payment', silent.length === 0 ? '' : fill(this.words.payment_silent, { name: silent.join(', ') }))
  }

  private contact(payment: Payment, now: number): string {
    const age = clock((now - payment.since) / 1000)
    if (!payment.launched) return fill(this.words.payment_not_opened, { time: age })
    const silence = now - payment.seen
    if (silence < CONTACT_MS) return fill(this.words.payment_contact, { time: age })
    return fill(this.words.payment_no_contact, { time: clock(silence / 1000) })
  }

  private remindOfMask(call: Call | null, now: number): void {
    const since = call?.mask_since ?? null
    if (call === null || since === null) {
      this.reminded = 0
      this.warn('mask', '')
      return
    }
    const times = Math.floor((now - since) / 1000 / Math.max(1, call.reminder_seconds))
    if (times > this.reminded) {
      this.reminded = times
      this.warn('mask', fill(this.words.mask_reminder, { time: clock((now - since) / 1000) }))
    }
  }

  wire(handlers: RecordingHandlers): void {
    this.handlers = handlers
    const press = (id: string, work: () => void): void => this.find(id).addEventListener('click', work)
    press('mask', handlers.mask)
    press('pay', handlers.pay)
    press('stop-open', handlers.stop)
    press('objects-open', handlers.objects)
    press('flag-open', handlers.flag)
    press('without-pause', handlers.withoutPause)
    press('keypad-stop', () => handlers.keypadStop(this.call?.payments.at(-1)?.payment_id ?? ''))
    press('payment-blocked-link', () => this.blocked(''))
    press('sensitive-mask', () => this.answerPrompt('masked'))
    press('sensitive-later', () => this.answerPrompt('not_now'))
    press('mask-why-later', () => this.closeWhy())
    press('pay-cancel', () => this.closeLinks())
    this.find('mask-why').addEventListener('submit', (event) => {
      event.preventDefault()
      handlers.nameMask(this.value('mask-reason'))
    })
    this.find('pay-form').addEventListener('submit', (event) => {
      event.preventDefault()
      handlers.openPayment(this.value('pay-link'), this.value('pay-address'))
    })
    this.find('keypad').addEventListener('click', (event) => {
      const button = event.target instanceof Element ? event.target.closest('[data-field]') : null
      const payment = this.call?.payments.at(-1)
      if (button instanceof HTMLElement && payment) handlers.keypad(payment.payment_id, button.dataset['field'] ?? '')
    })
  }
}

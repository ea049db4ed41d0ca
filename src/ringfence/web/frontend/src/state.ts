// What the server says about this agent, checked before use. The server's word is final; the page only shows it.

export type AgentState =
  | 'logged_out'
  | 'not_ready'
  | 'available'
  | 'ringing'
  | 'talking'
  | 'hold'
  | 'consult'
  | 'conference'
  | 'wrap'
export type Phase = 'ringing' | 'dialling' | 'talking' | 'held' | 'transferring' | 'consulting' | 'conference'
export type RecordingKind = 'recording' | 'paused' | 'stopped' | 'none'

const AGENT_STATES: readonly string[] = [
  'logged_out',
  'not_ready',
  'available',
  'ringing',
  'talking',
  'hold',
  'consult',
  'conference',
  'wrap',
]
const PHASES: readonly string[] = ['ringing', 'dialling', 'talking', 'held', 'transferring', 'consulting', 'conference']
const RECORDING_KINDS: readonly string[] = ['recording', 'paused', 'stopped', 'none']

export interface Recording {
  kind: RecordingKind
  text: string
  /** When a mask began; null for everything else. */
  since: number | null
}

/** A payment that is not proven closed: the recording stays paused. */
export interface Payment {
  payment_id: string
  name: string
  since: number
  /** Last sign of life of its page. */
  seen: number
  /** Without another sign of life, the agent is warned from here on. */
  warn_at: number
  launched: boolean
}

export interface PaymentLink {
  link_id: string
  name: string
}

/** Another agent's call that a supervisor may join. */
export interface Joinable {
  call_id: string
  agent: string
  client: string
  since: number
}

export interface Call {
  call_id: string
  phase: Phase
  client_code: string
  client: string
  greeting: string
  line: string
  caller: string
  caller_name: string
  queue: string
  outbound: boolean
  since: number
  recording: Recording
  masked: boolean
  mask_since: number | null
  may_stop: boolean
  /** The agent is a third person in a colleague's call. */
  visiting: boolean
  /** Who is asked or is the third person; empty: nobody. */
  consult: string
  parties: string[]
  links: PaymentLink[]
  payments: Payment[]
  /** What the caller is keying in now; empty: nothing. */
  keypad: string
  reminder_seconds: number
  /** Who decides about flags now; empty: nobody is on duty. */
  duty: string
  /** The queue often brings special category data: the agent is asked to mask. */
  sensitive: boolean
}

export interface Queue {
  name: string
  waiting: number
  longest_seconds: number
}

export interface Agent {
  state: AgentState
  label: string
  reason: string
  since: number
  blocked: string
}

export interface DeskState {
  now: number
  engine: boolean
  agent: Agent
  call: Call | null
  queues: Queue[]
  joinable: Joinable[]
}

type Fields = Record<string, unknown>

function fields(value: unknown, what: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new TypeError(`${what} is no object.`)
  return value as Fields
}

function text(from: Fields, key: string): string {
  const value = from[key]
  if (value === null || value === undefined) return ''
  if (typeof value !== 'string') throw new TypeError(`${key} is no text.`)
  return value
}

function amount(from: Fields, key: string): number {
  const value = from[key]
  if (typeof value !== 'number' || !Number.isFinite(value)) throw new TypeError(`${key} is no number.`)
  return value
}

function instant(from: Fields, key: string): number {
  const value = Date.parse(text(from, key))
  if (Number.isNaN(value)) throw new TypeError(`${key} is no time.`)
  return value
}

function oneOf<T extends string>(from: Fields, key: string, allowed: readonly string[]): T {
  const value = text(from, key)
  if (!allowed.includes(value)) throw new TypeError(`${key} is not known.`)
  return value as T
}

function list<T>(from: Fields, key: string, read: (item: Fields) => T): T[] {
  const value = from[key]
  if (value === null || value === undefined) return []
  if (!Array.isArray(value)) throw new TypeError(`${key} is no list.`)
  return value.map((item) => read(fields(item, key)))
}

function parsePayment(payment: Fields): Payment {
  return {
    payment_id: text(payment, 'payment_id'),
    name: text(payment, 'name'),
    since: instant(payment, 'since'),
    seen: instant(payment, 'seen'),
    warn_at: instant(payment, 'warn_at'),
    launched: payment['launched'] === true,
  }
}

function parseCall(value: unknown): Call | null {
  if (value === null || value === undefined) return null
  const call = fields(value, 'call')
  const recording = fields(call['recording'], 'recording')
  return {
    call_id: text(call, 'call_id'),
    phase: oneOf<Phase>(call, 'phase', PHASES),
    client_code: text(call, 'client_code'),
    client: text(call, 'client'),
    greeting: text(call, 'greeting'),
    line: text(call, 'line'),
    caller: text(call, 'caller'),
    caller_name: text(call, 'caller_name'),
    queue: text(call, 'queue'),
    outbound: call['outbound'] === true,
    since: instant(call, 'since'),
    recording: {
      kind: oneOf<RecordingKind>(recording, 'kind', RECORDING_KINDS),
      text: text(recording, 'text'),
      since: text(recording, 'since') === '' ? null : instant(recording, 'since'),
    },
    masked: call['masked'] === true,
    mask_since: text(call, 'mask_since') === '' ? null : instant(call, 'mask_since'),
    may_stop: call['may_stop'] === true,
    visiting: call['visiting'] === true,
    consult: text(call, 'consult'),
    parties: Array.isArray(call['parties']) ? call['parties'].map(String) : [],
    links: list(call, 'links', (link) => ({ link_id: text(link, 'link_id'), name: text(link, 'name') })),
    payments: list(call, 'payments', parsePayment),
    keypad: text(call, 'keypad'),
    reminder_seconds: call['reminder_seconds'] === undefined ? 60 : amount(call, 'reminder_seconds'),
    duty: text(call, 'duty'),
    sensitive: call['sensitive'] === true,
  }
}

/** The state in `value`. Throws TypeError when the server sent anything else. */
export function parseState(value: unknown): DeskState {
  const state = fields(value, 'state')
  const agent = fields(state['agent'], 'agent')
  const queues = state['queues']
  if (!Array.isArray(queues)) throw new TypeError('queues is no list.')
  return {
    now: instant(state, 'now'),
    engine: state['engine'] === true,
    agent: {
      state: oneOf<AgentState>(agent, 'state', AGENT_STATES),
      label: text(agent, 'label'),
      reason: text(agent, 'reason'),
      since: instant(agent, 'since'),
      blocked: text(agent, 'blocked'),
    },
    call: parseCall(state['call']),
    joinable: list(state, 'joinable', (item) => ({
      call_id: text(item, 'call_id'),
      agent: text(item, 'agent'),
      client: text(item, 'client'),
      since: instant(item, 'since'),
    })),
    queues: queues.map((item) => {
      const queue = fields(item, 'queue')
      return {
        name: text(queue, 'name'),
        waiting: amount(queue, 'waiting'),
        longest_seconds: amount(queue, 'longest_seconds'),
      }
    }),
  }
}

/** `0:07`, `12:40`, `1:02:03`. */
export function clock(seconds: number): string {
  const total = Math.max(0, Math.floor(seconds))
  const two = (value: number): string => String(value).padStart(2, '0')
  const hours = Math.floor(total / 3600)
  const minutes = Math.floor((total % 3600) / 60)
  return hours > 0 ? `${hours}:${two(minutes)}:${two(total % 60)}` : `${minutes}:${two(total % 60)}`
}

/** The step (1, 5, 10, 20...) that a queue has reached; only a change of step is worth saying aloud. */
export function queueStep(waiting: number): number {
  if (waiting < 1) return 0
  if (waiting < 5) return 1
  if (waiting < 10) return 5
  return Math.floor(waiting / 10) * 10
}

/** How often to look while payment pages are watched: several times before the first warning would be due. */
export function lookEvery(payments: readonly Payment[]): number {
  const times = payments.map((payment) => (payment.warn_at - payment.seen) / 4)
  return Math.max(500, Math.min(...times.map((time) => Math.min(time, 5000)), payments.length ? 5000 : Infinity))
}

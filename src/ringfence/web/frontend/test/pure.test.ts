import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Announcer } from '../src/announcer'
import { Backoff } from '../src/backoff'
import { between, grade, mos } from '../src/quality'
import { REPORT_MS, WARN_MS, due, readAnswer } from '../src/session'
import { actionOf } from '../src/shortcuts'
import { clock, lookEvery, parseState, queueStep } from '../src/state'
import { fill, keypadWord, microphoneWord } from '../src/words'

const STATE = {
  now: '2026-10-02T09:00:10Z',
  engine: true,
  agent: { state: 'talking', label: 'On a call', reason: '', since: '2026-10-02T09:00:00Z', blocked: '' },
  call: {
    call_id: 'c1',
    phase: 'held',
    client: 'Example Council',
    greeting: 'Good morning',
    line: '01632 960001',
    caller: '07700 ••• 123',
    caller_name: '',
    queue: 'General',
    outbound: false,
    since: '2026-10-02T09:00:01Z',
    recording: { kind: 'paused', text: 'Paused: on hold' },
  },
  queues: [{ name: 'General', waiting: 2, longest_seconds: 31 }],
}

test('a state from the server is read with its times as instants', () => {
  const state = parseState(structuredClone(STATE))
  assert.equal(state.now - state.agent.since, 10_000)
  assert.equal(state.call?.recording.text, 'Paused: on hold')
  assert.equal(parseState({ ...STATE, call: null }).call, null)
  assert.deepEqual([state.call?.payments, state.call?.masked, state.joinable], [[], false, []])
  const payment = { payment_id: 'p', name: 'Tax', since: STATE.now, seen: STATE.now, warn_at: STATE.now, launched: true }
  const paid = parseState({ ...STATE, call: { ...STATE.call, payments: [payment], mask_since: STATE.now } })
  assert.deepEqual([paid.call?.payments[0]?.warn_at, paid.call?.mask_since], [paid.now, paid.now])
})

test('anything that is no state is refused', () => {
  const broken: unknown[] = [
    null,
    [],
    {},
    { ...STATE, queues: null },
    { ...STATE, now: 'today' },
    { ...STATE, agent: { ...STATE.agent, state: 'asleep' } },
    { ...STATE, call: { ...STATE.call, phase: 'lost' } },
    { ...STATE, call: { ...STATE.call, recording: { kind: 'perhaps', text: '' } } },
    { ...STATE, call: { ...STATE.call, payments: [{ payment_id: 'p' }] } },
    { ...STATE, call: { ...STATE.call, payments: {} } },
    { ...STATE, queues: [{ name: 'General', waiting: Number.NaN, longest_seconds: 0 }] },
  ]
  for (const value of broken) assert.throws(() => parseState(value), TypeError)
})

test('a watched page is looked after several times before its warning', () => {
  const payment = { payment_id: 'p', name: 'Tax', since: 0, seen: 0, warn_at: 120_000, launched: true }
  assert.deepEqual(
    [lookEvery([]), lookEvery([payment]), lookEvery([payment, { ...payment, warn_at: 4000 }]), lookEvery([{ ...payment, warn_at: 4 }])],
    [Infinity, 5000, 1000, 500],
  )
})

test('times read as people write them', () => {
  assert.deepEqual([0, 7.9, 760, 3723, -5].map(clock), ['0:00', '0:07', '12:40', '1:02:03', '0:00'])
})

test('a queue is mentioned only when it reaches another step', () => {
  assert.deepEqual([0, 1, 4, 5, 9, 10, 19, 20].map(queueStep), [0, 1, 1, 5, 5, 10, 10, 20])
})

test('waiting times double, are capped, are spread and start anew', () => {
  const slow = new Backoff(1000, 8000, () => 1)
  assert.deepEqual([slow.next(), slow.next(), slow.next(), slow.next(), slow.next()], [1000, 2000, 4000, 8000, 8000])
  slow.reset()
  assert.equal(slow.next(), 1000)
  assert.equal(new Backoff(1000, 8000, () => 0).next(), 500)
})

test('only Ctrl+Shift+digit is a shortcut', () => {
  const press = { code: 'Digit1', ctrlKey: true, shiftKey: true, altKey: false, metaKey: false, repeat: false }
  assert.equal(actionOf(press), 'answer')
  assert.equal(actionOf({ ...press, code: 'Digit5' }), 'hangup')
  assert.equal(actionOf({ ...press, code: 'Digit8' }), 'mask')
  assert.equal(actionOf({ ...press, code: 'Digit1' }, true), 'stop')
  assert.equal(actionOf({ ...press, code: 'Digit0' }, true), 'keys')
  assert.equal(actionOf({ ...press, code: 'KeyA' }), null)
  for (const other of [{ ctrlKey: false }, { shiftKey: false }, { altKey: true }, { metaKey: true }, { repeat: true }]) {
    assert.equal(actionOf({ ...press, ...other }), null)
  }
})

test('call quality falls with loss and delay', () => {
  const perfect = { received: 250, lost: 0, jitterMs: 1, roundTripMs: 20 }
  assert.ok(mos(perfect) > 4.3)
  assert.equal(grade(mos(perfect)), 'good')
  assert.equal(grade(mos({ ...perfect, received: 225, lost: 25 })), 'poor')
  assert.ok(mos({ ...perfect, roundTripMs: 900 }) < mos(perfect))
  assert.ok(mos({ received: 0, lost: 0, jitterMs: 0, roundTripMs: 0 }) > 4)
  assert.deepEqual(between(perfect, { ...perfect, received: 500, lost: 3 }), { ...perfect, received: 250, lost: 3 })
})

test('words are filled in and microphone failures explained', () => {
  assert.equal(fill('%(count)s waiting in %(queue)s.', { count: '2', queue: 'General' }), '2 waiting in General.')
  assert.equal(fill('%(count)s', {}), '')
  assert.equal(microphoneWord('NotAllowedError'), 'mic_denied')
  assert.equal(microphoneWord('NotFoundError'), 'mic_missing')
  assert.equal(microphoneWord('NotReadableError'), 'mic_busy')
  assert.equal(microphoneWord('SomethingNew'), 'mic_other')
})

test('the announcer answers at once and mentions seldom, newest first', (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] })
  let now = 0
  const said: string[] = []
  const announcer = new Announcer((text) => said.push(text), 10_000, () => now)
  const pass = (ms: number): void => {
    now += ms
    context.mock.timers.tick(ms)
  }
  announcer.mention('one')
  announcer.mention('two')
  announcer.mention('three')
  assert.deepEqual(said, ['one'])
  pass(10_000)
  assert.deepEqual(said, ['one', 'three'])
  announcer.mention('four')
  announcer.answer('five')
  pass(20_000)
  assert.deepEqual(said, ['one', 'three', 'five'])
})

test('only known outcomes of the keypad are told', () => {
  assert.deepEqual(['typing', 'accepted', 'constructor'].map(keypadWord), ['keypad_typing', 'keypad_accepted', null])
})

test('a page reports use once a minute, and asks the server only when the end is near', () => {
  const at = { told: 0, deadline: 30 * 60_000, used: false }
  assert.equal(due(REPORT_MS, at), null)
  assert.equal(due(REPORT_MS - 1, { ...at, used: true }), null)
  assert.equal(due(REPORT_MS, { ...at, used: true }), 'report')
  assert.equal(due(at.deadline - WARN_MS - 1, at), null)
  assert.equal(due(at.deadline - WARN_MS, at), 'ask')
  assert.equal(due(at.deadline - WARN_MS, { ...at, used: true }), 'report')
  assert.equal(due(at.deadline + 1, { ...at, told: at.deadline }), 'ask')
})

test('an answer about the session is read whole or not at all', () => {
  const answer = { left_ms: 1, because: 'idle', person: 'x', csrf: 'y' }
  assert.deepEqual(readAnswer({ ...answer, more: 1 }), answer)
  for (const name of Object.keys(answer)) assert.equal(readAnswer({ ...answer, [name]: undefined }), null)
  assert.equal(readAnswer(null), null)
})

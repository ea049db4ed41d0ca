// Texts that only scripts show. The page carries them, translated; the keys are checked against the server's list.

export const WORDS = [
  'another_tab',
  'answered',
  'asking',
  'audio_lost',
  'call_ended',
  'connecting',
  'desk_phone',
  'flagged',
  'handset_ringing',
  'held',
  'incoming',
  'joined',
  'keypad_accepted',
  'keypad_cleared',
  'keypad_expired',
  'keypad_not_valid',
  'keypad_started',
  'keypad_stopped',
  'keypad_too_many_tries',
  'keypad_typing',
  'keypad_unavailable',
  'keypad_wrong_length',
  'leave_in_call',
  'live_lost',
  'mask_named',
  'mask_reminder',
  'masked',
  'mic_busy',
  'mic_denied',
  'mic_insecure',
  'mic_missing',
  'mic_other',
  'mute',
  'muted',
  'network_lost',
  'no_entry_found',
  'no_sound',
  'no_waiting',
  'objected',
  'payment_blocked',
  'payment_contact',
  'payment_finished',
  'payment_no_contact',
  'payment_none',
  'payment_not_opened',
  'payment_opened',
  'payment_reported',
  'payment_silent',
  'phone_refused',
  'phone_unreachable',
  'quality_fair',
  'quality_good',
  'quality_poor',
  'ready_to_take_calls',
  'registered',
  'request_failed',
  'retrieved',
  'sensitive',
  'signed_out',
  'stopped',
  'tell',
  'tell_recording',
  'transfer_failed',
  'unmasked',
  'unmute',
  'unmuted',
  'waiting',
  'with_third',
] as const

export type Word = (typeof WORDS)[number]
export type Words = Readonly<Record<Word, string>>

/** `template` with its %(name)s places filled. */
export function fill(template: string, values: Readonly<Record<string, string>> = {}): string {
  return template.replace(/%\((\w+)\)s/g, (_, name: string) => values[name] ?? '')
}

/** Which words explain a refused microphone. */
export function microphoneWord(name: string): Word {
  switch (name) {
    case 'NotAllowedError':
    case 'PermissionDeniedError':
      return 'mic_denied'
    case 'NotFoundError':
    case 'DevicesNotFoundError':
    case 'OverconstrainedError':
      return 'mic_missing'
    case 'NotReadableError':
    case 'TrackStartError':
    case 'AbortError':
      return 'mic_busy'
    case 'SecurityError':
    case 'TypeError':
      return 'mic_insecure'
    default:
      return 'mic_other'
  }
}

/** Which words tell what became of a field that the caller keyed in; null for a code that nobody knows. */
export function keypadWord(outcome: string): Word | null {
  const word = `keypad_${outcome}`
  return WORDS.find((known) => known === word) ?? null
}

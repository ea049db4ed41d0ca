// Texts that only scripts show. The page carries them, translated; the keys are checked against the server's list.

export const WORDS = [
  'another_tab',
  'answered',
  'audio_lost',
  'call_ended',
  'connecting',
  'desk_phone',
  'handset_ringing',
  'held',
  'incoming',
  'leave_in_call',
  'live_lost',
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
  'phone_refused',
  'phone_unreachable',
  'quality_fair',
  'quality_good',
  'quality_poor',
  'ready_to_take_calls',
  'registered',
  'request_failed',
  'retrieved',
  'signed_out',
  'tell',
  'transfer_failed',
  'unmute',
  'unmuted',
  'waiting',
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

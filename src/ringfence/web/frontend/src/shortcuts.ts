// Ctrl+Shift+digit: no single letters (WCAG 2.1.4) and no Ctrl+Alt, which is AltGr on UK keyboards.

export type Action = 'answer' | 'hold' | 'mute' | 'transfer' | 'hangup' | 'state' | 'tell' | 'keys'

export const SHORTCUTS: Readonly<Record<Action, string>> = {
  answer: 'Digit1',
  hold: 'Digit2',
  mute: 'Digit3',
  transfer: 'Digit4',
  hangup: 'Digit5',
  state: 'Digit6',
  tell: 'Digit7',
  keys: 'Digit0',
}

export interface KeyPress {
  code: string
  ctrlKey: boolean
  shiftKey: boolean
  altKey: boolean
  metaKey: boolean
  repeat: boolean
}

/** The action that a key press means, or null. `event.code` is used because Shift changes `event.key`. */
export function actionOf(press: KeyPress): Action | null {
  if (!press.ctrlKey || !press.shiftKey || press.altKey || press.metaKey || press.repeat) return null
  const found = Object.entries(SHORTCUTS).find(([, code]) => code === press.code)
  return found ? (found[0] as Action) : null
}

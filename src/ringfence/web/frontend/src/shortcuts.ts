// Ctrl+Shift+digit: no single letters (WCAG 2.1.4) and no Ctrl+Alt, which is AltGr on UK keyboards. Ten digits are too
// few, so Ctrl+Shift+0 opens the list, and while it is open the digits mean the second row.

export type First =
  | 'answer'
  | 'hold'
  | 'mute'
  | 'transfer'
  | 'hangup'
  | 'state'
  | 'tell'
  | 'mask'
  | 'pay'
  | 'keys'
export type Second =
  | 'stop'
  | 'objects'
  | 'flag'
  | 'consult'
  | 'complete'
  | 'return'
  | 'conference'
  | 'leave'
  | 'drop'
export type Action = First | Second

export const SHORTCUTS: Readonly<Record<First, string>> = {
  answer: 'Digit1',
  hold: 'Digit2',
  mute: 'Digit3',
  transfer: 'Digit4',
  hangup: 'Digit5',
  state: 'Digit6',
  tell: 'Digit7',
  mask: 'Digit8',
  pay: 'Digit9',
  keys: 'Digit0',
}

export const AFTER_ZERO: Readonly<Record<Second, string>> = {
  stop: 'Digit1',
  objects: 'Digit2',
  flag: 'Digit3',
  consult: 'Digit4',
  complete: 'Digit5',
  return: 'Digit6',
  conference: 'Digit7',
  leave: 'Digit8',
  drop: 'Digit9',
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
export function actionOf(press: KeyPress, listOpen = false): Action | null {
  if (!press.ctrlKey || !press.shiftKey || press.altKey || press.metaKey || press.repeat) return null
  const row: Readonly<Partial<Record<Action, string>>> = listOpen
    ? { ...AFTER_ZERO, keys: SHORTCUTS.keys }
    : SHORTCUTS
  const found = Object.entries(row).find(([, code]) => code === press.code)
  return found ? (found[0] as Action) : null
}

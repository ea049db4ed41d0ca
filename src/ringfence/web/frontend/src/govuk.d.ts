// govuk-frontend 6 ships no type declarations; these are the parts used here.
declare module 'govuk-frontend' {
  interface Component {
    readonly moduleName: string
  }
  export const Button: Component
  export const CharacterCount: Component
  export const ErrorSummary: Component
  export const NotificationBanner: Component
  export const PasswordInput: Component
  export const Radios: Component
  export const ServiceNavigation: Component
  export const SkipLink: Component
  export function createAll(component: Component, config?: Record<string, unknown>): unknown[]
}

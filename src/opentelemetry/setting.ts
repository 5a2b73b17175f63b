/** A variable's text, trimmed, in lower case; `undefined` if it is empty. */
export function settingOf(env: NodeJS.ProcessEnv, name: string): string | undefined {
  return env[name]?.trim().toLowerCase() || undefined;
}

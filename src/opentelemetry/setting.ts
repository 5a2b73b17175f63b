/** The value of an environment variable, trimmed and in lower case; `undefined` if it is unset or blank. */
export function settingOf(env: NodeJS.ProcessEnv, name: string): string | undefined {
  return env[name]?.trim().toLowerCase() || undefined;
}

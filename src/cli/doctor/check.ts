/** What was looked at, and what it came to. */
export interface Check {
  name: string;
  /** `'skipped'`: it can't be looked at, or says nothing here. */
  status: 'ok' | 'warning' | 'error' | 'skipped';
  /** What is so, in one sentence without a full stop. */
  message: string;
  /** What to do about a warning or an error. */
  fix?: string;
}

/** Makes the results of one check. */
export function checkOf(name: string): {
  ok: (message: string) => Check;
  warning: (message: string, fix: string) => Check;
  error: (message: string, fix: string) => Check;
  skipped: (message: string) => Check;
} {
  return {
    ok: (message) => ({ name, status: 'ok', message }),
    warning: (message, fix) => ({ name, status: 'warning', message, fix }),
    error: (message, fix) => ({ name, status: 'error', message, fix }),
    skipped: (message) => ({ name, status: 'skipped', message }),
  };
}

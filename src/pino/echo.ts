let isOwn = false;

/** Runs `write`. Lines of pino that are written meanwhile do not become events, or lines and events would cause one another without end. */
export function withoutEcho(write: () => void): void {
  const before = isOwn;
  isOwn = true;
  try {
    write();
  } finally {
    isOwn = before;
  }
}

/** Whether a line that is written now is caused by an event or by another line. */
export function isEcho(): boolean {
  return isOwn;
}

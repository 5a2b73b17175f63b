let isOwn = false;

/** Runs `write`, during which no line becomes an event: neither one of a layer nor one that an event led to. */
export function withoutEcho(write: () => void): void {
  const before = isOwn;
  isOwn = true;
  try {
    write();
  } finally {
    isOwn = before;
  }
}

/** Whether a line that is written now would be an echo. */
export function isEcho(): boolean {
  return isOwn;
}

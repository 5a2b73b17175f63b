let depth = 0;

/** Runs `act`, in which the package starts a request or process of its own, without spans of it. */
export function suppressTracing<R>(act: () => R): R {
  depth++;
  try {
    return act();
  } finally {
    depth--;
  }
}

/** Whether the caller runs inside of `suppressTracing`. */
export function isTracingSuppressed(): boolean {
  return depth > 0;
}

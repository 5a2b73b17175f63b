let depth = 0;

/** Starts what the package needs for itself, of which nobody makes a span. */
export function suppressTracing<R>(act: () => R): R {
  depth++;
  try {
    return act();
  } finally {
    depth--;
  }
}

/** Whether it is the package itself that acts right now. */
export function isTracingSuppressed(): boolean {
  return depth > 0;
}

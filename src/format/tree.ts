/** An event of a tree. */
export interface TreeEvent {
  level?: string | undefined;
  /** Shown if there is no level: programs without spans name their events. */
  name?: string | undefined;
  message?: string | undefined;
  /** In seconds. */
  duration?: number | undefined;
  result?: 'success' | 'fail' | undefined;
  /** What is no text; its size is shown. */
  bytes?: Uint8Array | undefined;
  fields: Readonly<Record<string, unknown>>;
  /** Orders events and children of a span among each other, if all have a time; else events come first. */
  time?: Date | undefined;
  /** The numbers of its records in the pool; the first one decides between equal times. */
  records?: readonly number[] | undefined;
}

/** A span of a tree. */
export interface TreeSpan {
  name: string;
  state: 'finished' | 'unfinished' | 'start-missing';
  /** In seconds. */
  duration?: number | undefined;
  /** `'wall'`: `duration` is the difference of two times of the wall clock, and marked as such. */
  clock?: 'wall' | undefined;
  result?: 'success' | 'fail' | undefined;
  /** Default: none. */
  fields?: Readonly<Record<string, unknown>> | undefined;
  /** Why it failed. */
  reason?: string | undefined;
  /** The messages of the causes of `reason`. */
  sources?: readonly string[] | undefined;
  events: readonly TreeEvent[];
  children: readonly TreeSpan[];
  /** Like an event's `time`. */
  start?: Date | undefined;
  records?: readonly number[] | undefined;
}

/** The spans and events that `renderTree` prints; a `Timeline` is one. */
export interface Tree {
  roots: readonly TreeSpan[];
  events?: readonly TreeEvent[] | undefined;
}

/** What a stream tells by itself; `drop` is told by a destination of pino that is full. */
export type StreamEvent = 'error' | 'drain' | 'drop';
type Heard = (event: StreamEvent, told: unknown) => void;

/** The part of an emitter that is used. */
export interface EmitterLike {
  on(event: string, listener: (told: unknown) => void): unknown;
  off(event: string, listener: (told: unknown) => void): unknown;
}

interface Hearing {
  readonly listeners: Set<Heard>;
  stop(): void;
}

const HEARINGS = new WeakMap<EmitterLike, Hearing>();

/**
 * Hears events of a stream until the function that it returns is called. However many outputs write to a stream, it
 * has one listener for each event; all outputs hear the events that the first one asked for.
 */
export function hearStream(stream: EmitterLike, events: readonly StreamEvent[], listener: Heard): () => void {
  const hearing = HEARINGS.get(stream) ?? startHearing(stream, events);
  hearing.listeners.add(listener);
  return () => {
    if (!hearing.listeners.delete(listener) || hearing.listeners.size > 0) return;
    HEARINGS.delete(stream);
    hearing.stop();
  };
}

function startHearing(stream: EmitterLike, events: readonly StreamEvent[]): Hearing {
  const listeners = new Set<Heard>();
  const heard = events.map((event) => {
    const tell = (told: unknown): void => {
      for (const each of listeners) each(event, told);
    };
    stream.on(event, tell);
    return { event, tell };
  });
  const hearing = {
    listeners,
    stop: () => {
      for (const { event, tell } of heard) stream.off(event, tell);
    },
  };
  HEARINGS.set(stream, hearing);
  return hearing;
}

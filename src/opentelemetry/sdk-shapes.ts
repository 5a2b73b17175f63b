/** The used part of a span exporter of OpenTelemetry's SDK, of version 2 or 3. */
export interface Exporter {
  export(spans: never[], done: (result: { code: number; error?: Error }) => void): void;
  shutdown(): Promise<void>;
  forceFlush?(): Promise<void>;
}

/** The used part of a span processor of OpenTelemetry's SDK, of version 2 or 3. */
export interface Processor {
  onStart(span: never, parentContext: never): void;
  onEnding?(span: never): void;
  onEnd(span: never): void;
  forceFlush(): Promise<void>;
  shutdown(): Promise<void>;
}

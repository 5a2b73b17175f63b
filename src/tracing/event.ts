import type { Fields } from './fields.ts';
import type { Level } from './level.ts';
import type { Metadata } from './metadata.ts';
import type { Span } from './span.ts';

/** Something that happened at one moment. */
export class Event {
  readonly metadata: Metadata;
  readonly message: string | undefined;
  /** All fields but the message. */
  readonly fields: Fields;
  /** The span it happened in. */
  readonly parent: Span | undefined;

  /** @internal */
  constructor(metadata: Metadata, message: string | undefined, fields: Fields, parent: Span | undefined) {
    this.metadata = metadata;
    this.message = message;
    this.fields = fields;
    this.parent = parent;
  }

  get level(): Level {
    return this.metadata.level;
  }

  get target(): string {
    return this.metadata.target;
  }
}

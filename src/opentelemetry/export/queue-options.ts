import { type Checks, millisecondsOption, wholeNumber } from '../../option.ts';

/** Limits of the queue of spans for a collector that can't be reached. */
export interface QueueOptions {
  /** The most bytes of serialized spans that are queued; spans over that are dropped. Default `8388608` (8 MiB). */
  maxBytes?: number | undefined;
  /** The longest time that a span is queued, in milliseconds; then it is dropped. Default `1800000` (half an hour). */
  maxAge?: number | undefined;
  /** The delay after a first failure, in milliseconds. It doubles with each failure; up to half of it is left out at random. Default `1000`. */
  minDelay?: number | undefined;
  /** The longest delay, in milliseconds, unless the collector asks for a longer one. Default `30000`. */
  maxDelay?: number | undefined;
}

/** The options of the queue. */
export const QUEUE_OPTIONS: Checks<QueueOptions> = {
  maxBytes: wholeNumber(0),
  maxAge: millisecondsOption,
  minDelay: millisecondsOption,
  maxDelay: millisecondsOption,
};

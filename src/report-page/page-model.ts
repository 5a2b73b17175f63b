/**
 * What the page is made of: plain data that JSON can carry, with texts as they are in the pool. Moments are in milliseconds,
 * those of spans and events since `origin`, all others since 1970; durations are in seconds.
 */
export interface PageModel {
  head: PageHead;
  spans: PageSpan[];
  events: PageEvent[];
  /** All records of the pool, in its order; empty where they were not given. */
  records: PageRecord[];
}

export interface PageHead {
  title: string;
  /** Whether it has two boots: spans then say what changed. */
  isComparison: boolean;
  version: string;
  answer: Answer;
  /** The answer of the boot before. */
  before?: Answer;
  changes?: ChangeCounts;
  /** The moment that spans and events are counted from. */
  origin: number;
  /** How long the axis is. */
  length: number;
  agents: string[];
  phases: { name: string; from: number; to: number }[];
  gaps: { from: number; to: number }[];
  problems: PageProblem[];
  /** Numbers of what the parts hold. */
  counts: { spans: number; events: number; records: number };
}

export interface ChangeCounts {
  slower: number;
  faster: number;
  new: number;
  missing: number;
  failed: number;
  fixed: number;
  /** How much longer it took. */
  difference: number;
}

/** A piece of a fact: a text of the page or of the pool, a number, or a moment. */
export type Piece =
  | string
  | { text: string; kind?: 'pool' | 'code' | 'warn' | 'bad' }
  | { count: number; noun?: string }
  | { time: number };

/** What is known besides, under a label. */
export interface Fact {
  label: string;
  items: Piece[][];
}

/** What a reader asks first. */
export interface Answer {
  /** Where the pool came from. */
  path: string;
  outcome: 'success' | 'failure' | 'unfinished' | 'unknown';
  /** Why, or what is missing to say so. */
  text: string;
  seconds: number;
  start?: number;
  end?: number;
  /** From the kernel's start to the end, where that start is known. */
  sinceKernel?: number;
  spans: number;
  failed: number;
  unfinished: number;
  /** Where the time went: the three names of spans with most time of their own, the one with most first. */
  slowest: SlowName[];
  failure?: AnsweredFailure;
  report?: AnsweredReport;
  facts: Fact[];
}

/** Spans of one name and agent. */
export interface SlowName {
  name: string;
  agent: string;
  /** How many there are. */
  count: number;
  /** Time of their own, in seconds. */
  own: number;
  share: number;
  /** The number of the one with most. */
  span: number;
}

export interface AnsweredFailure {
  name: string;
  agent: string;
  path: string[];
  /** Milliseconds since the origin. */
  at: number;
  seconds?: number;
  reason?: string;
  sources: string[];
  /** What failed with it. */
  carried: string[];
  /** Its number in `spans`; -1 if it is not there. */
  span: number;
}

export interface AnsweredReport {
  result?: string;
  reason?: string;
  agent?: string;
  time?: number;
  isCut: boolean;
  /** Further details: name and text. */
  data: [name: string, text: string][];
  url?: string;
  traceback?: string;
}

/** A span; absent members are not known, or are what most spans have. */
export interface PageSpan {
  name: string;
  /** A number of `agents`. */
  agent: number;
  id: string;
  /** A number of `spans`, which is smaller than its own; absent for a root. */
  parent?: number;
  depth: number;
  /** Absent in a comparison for a span that the second boot does not have. */
  start?: number;
  /** Where its bar ends; absent if nobody knows. */
  end?: number;
  seconds?: number;
  own?: number;
  /** Absent: finished. */
  state?: 'unfinished' | 'start-missing';
  result?: 'success' | 'fail';
  /** Whether its duration is by the wall clock. */
  isWall?: true;
  isCritical?: true;
  reason?: string;
  sources?: string[];
  level: string;
  fields?: Record<string, unknown>;
  message?: string;
  /** Numbers of its records in the pool. */
  records: number[];
  /** The span of the boot before; its start is counted from the origin of that boot. */
  before?: Pick<PageSpan, 'start' | 'end' | 'seconds' | 'state' | 'result' | 'reason'>;
  change?: 'slower' | 'faster' | 'new' | 'missing';
  /** Seconds that it took longer. */
  difference?: number;
  /** Whether it fails now and did not before, or the other way round. */
  verdict?: 'failed' | 'fixed';
}

export interface PageEvent {
  /** The number of its span; absent if it has none. */
  span?: number;
  agent: number;
  at: number;
  name: string;
  level?: string;
  message?: string;
  fields?: Record<string, unknown>;
  result?: 'success' | 'fail';
  /** The bytes of what is no line of text. */
  size?: number;
  records: number[];
}

interface PageProblem {
  reason: string;
  message: string;
  records: number[];
}

export type PageRecord = [key: string, value: string];

/** What the built page draws without a browser. */
export interface StaticPage {
  /** The answer, the tree and the tables as HTML. */
  renderStatic(model: PageModel): string;
  /** A text as HTML. */
  escapeHtml(text: string): string;
}

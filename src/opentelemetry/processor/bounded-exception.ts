import type { Fields } from '../../tracing/fields.ts';

const TYPE_MAX = 128;
const MESSAGE_MAX = 512;
/** Lines of a stack below its message. */
const FRAMES_MAX = 6;
const STACK_MAX = 768;

const TYPE = 'exception.type';
const MESSAGE = 'exception.message';
const STACK = 'exception.stacktrace';

/**
 * Cuts type, message and stack of an exception, so that it takes one record or two: a pool has room for 1,024 records
 * of all programs.
 */
export function boundException(fields: Fields): void {
  const stack = textIn(fields, STACK);
  if (stack !== undefined) fields.set(STACK, firstLines(stack, textIn(fields, MESSAGE)));
  for (const [name, most] of [
    [TYPE, TYPE_MAX],
    [MESSAGE, MESSAGE_MAX],
  ] as const) {
    const text = textIn(fields, name);
    if (text !== undefined) fields.set(name, cut(text, most));
  }
}

function textIn(fields: Fields, name: string): string | undefined {
  const value = fields.get(name);
  return typeof value === 'string' ? value : undefined;
}

/** The first line of a stack, which says what was thrown, and the first frames; not the rest of a long message. */
function firstLines(stack: string, message: string | undefined): string {
  const at = message === undefined || message === '' ? -1 : stack.indexOf(message);
  const [head = '', ...lines] = (
    at < 0
      ? stack
      : stack.slice(0, at) + lineOf(message as string) + stack.slice(at + (message as string).length)
  )
    .slice(0, STACK_MAX * 4)
    .split('\n');
  const frames = lines.slice(0, FRAMES_MAX);
  return (
    cut([cut(head, STACK_MAX / 3), ...frames].join('\n'), STACK_MAX) +
    (lines.length > FRAMES_MAX ? '\n…' : '')
  );
}

function lineOf(text: string): string {
  const end = text.indexOf('\n');
  return end < 0 ? text : text.slice(0, end);
}

function cut(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1).toWellFormed()}…`;
}

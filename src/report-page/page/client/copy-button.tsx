import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { copyText } from './state.ts';

/** Copies a text, and says so. */
export function CopyButton({ text, children }: { text: () => string; children: ComponentChildren }) {
  const [said, say] = useState<string | undefined>(undefined);
  return (
    <button
      type="button"
      aria-live="polite"
      onClick={() => {
        void copyText(text()).then((isDone) => {
          say(isDone ? 'Copied' : 'Not allowed here');
          setTimeout(() => say(undefined), 1500);
        });
      }}
    >
      {said ?? children}
    </button>
  );
}

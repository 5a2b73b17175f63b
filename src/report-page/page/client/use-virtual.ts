import { type RefObject } from 'preact';
import { useCallback, useLayoutEffect, useState } from 'preact/hooks';

/** The part of a long list that is drawn. */
export interface Window {
  first: number;
  /** Behind the last one. */
  end: number;
  /** Pixels of what is left out above and below. */
  above: number;
  below: number;
  onScroll: () => void;
  /** Scrolls so far that an item can be seen. */
  reveal: (index: number) => void;
}

/** Items above and below what can be seen, so that a small scroll shows no gap. */
const EXTRA = 8;

/** Draws of a list of lines of one height only those that can be seen in the element that scrolls. */
export function useVirtual(scroller: RefObject<HTMLElement | null>, count: number, height: number): Window {
  const [{ top, size }, set] = useState({ top: 0, size: 600 });
  const measure = useCallback(() => {
    const element = scroller.current;
    if (element === null) return;
    const next = { top: element.scrollTop, size: element.clientHeight };
    set((last) => (last.top === next.top && last.size === next.size ? last : next));
  }, [scroller]);
  useLayoutEffect(() => {
    const element = scroller.current;
    if (element === null) return undefined;
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, [scroller, measure]);
  const seen = Math.ceil(size / height);
  const first = Math.max(0, Math.min(Math.floor(top / height) - EXTRA, count - seen - EXTRA));
  const end = Math.min(count, first + seen + 2 * EXTRA);
  const reveal = useCallback(
    (index: number) => {
      const element = scroller.current;
      if (element === null || index < 0) return;
      const from = index * height;
      if (from < element.scrollTop) element.scrollTop = from - 2 * height;
      else if (from + height > element.scrollTop + element.clientHeight) {
        element.scrollTop = from + 3 * height - element.clientHeight;
      }
      measure();
    },
    [scroller, height, measure],
  );
  return { first, end, above: first * height, below: (count - end) * height, onScroll: measure, reveal };
}

import type { ComponentChildren } from 'preact';
import type { PageData } from './page-data.ts';

/** What the marks of the waterfall mean, and what its keys do. */
export function Legend({ data }: { data: PageData }) {
  const { head, spans, events } = data;
  const has = (test: (span: (typeof spans)[number]) => boolean): boolean => spans.some(test);
  return (
    <div class="legend">
      <ul>
        {has(({ isCritical }) => isCritical === true) && (
          <Sample text="critical path: the end had to wait for it">
            <g class="agent-0">
              <rect y="2" width="26" height="8" rx="1.5" />
              <line class="critical" x1="0" x2="26" y1="13" y2="13" />
            </g>
          </Sample>
        )}
        {has(({ result }) => result === 'fail') && (
          <Sample text="failed">
            <g class="fail">
              <rect y="4" width="13" height="8" rx="1.5" />
              <svg x="13" overflow="visible" class="end-fail">
                <path d="M3 4l8 8m0 -8l-8 8" />
              </svg>
            </g>
          </Sample>
        )}
        {has(({ state }) => state === 'unfinished') && (
          <Sample text="did not end">
            <g class="agent-0 unfinished">
              <line x1="1" x2="1" y1="2" y2="14" />
              <line class="open" x1="1" x2="26" y1="8" y2="8" />
            </g>
          </Sample>
        )}
        {has(({ state }) => state === 'start-missing') && (
          <Sample text="start missing">
            <g class="agent-0">
              <rect x="3" y="4" width="20" height="8" rx="1.5" />
              <line class="missing" x1="3" x2="3" y1="0" y2="16" />
            </g>
          </Sample>
        )}
        {events.length > 0 && (
          <Sample text="event, WARN, ERROR" width={44}>
            <svg x="5" y="-5" overflow="visible" class="mark">
              <path d="M0 10l3 3l-3 3l-3 -3z" />
            </svg>
            <svg x="20" y="-5" overflow="visible" class="mark warn">
              <path d="M0 8.5l4.2 8h-8.4z" />
            </svg>
            <svg x="36" y="-5" overflow="visible" class="mark error">
              <path d="M-4 9h8v8h-8z" />
            </svg>
          </Sample>
        )}
        {head.gaps.length > 0 && (
          <li>
            <svg class="gap-sample" width="26" height="12" aria-hidden="true">
              <rect class="gap" width="26" height="12" fill="url(#hatch)" />
            </svg>
            no span was open
          </li>
        )}
        {head.isComparison && (
          <Sample text="now, and before">
            <g class="agent-0">
              <rect width="26" height="9" rx="1.5" />
            </g>
            <g class="before">
              <rect y="11" width="18" height="5" rx="1.5" />
            </g>
          </Sample>
        )}
      </ul>
      <details>
        <summary>Keys and pointer</summary>
        <dl>
          {KEYS.map(([keys, meaning]) => (
            <div key={keys}>
              <dt>{keys}</dt>
              <dd>{meaning}</dd>
            </div>
          ))}
        </dl>
      </details>
    </div>
  );
}

/** A mark of the waterfall beside what it means. */
function Sample({
  text,
  width = 26,
  children,
}: {
  text: string;
  width?: number;
  children: ComponentChildren;
}) {
  return (
    <li>
      <svg class="bar" width={width} height="16" aria-hidden="true">
        {children}
      </svg>
      {text}
    </li>
  );
}

const KEYS: readonly (readonly [keys: string, meaning: string])[] = [
  ['↑ ↓', 'another span'],
  ['← →', 'close, open'],
  ['Enter', 'its details; Escape closes them'],
  ['+ −', 'zoom'],
  ['z', 'zoom to the span'],
  ['0', 'the whole boot'],
  ['Shift ← →', 'earlier, later'],
  ['f', 'the next failure'],
  ['/', 'search; Enter goes to the next match'],
  ['drag', 'zoom to a time, also in the small map'],
  ['Ctrl + wheel', 'zoom; in the small map the wheel alone'],
  ['double click', 'the whole boot'],
];

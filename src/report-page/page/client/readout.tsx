import type { PageSpan } from '../../page-model.ts';
import { Pool } from '../answer.tsx';
import { clockText, counted, durationText, offsetText, shareText, type Zone } from '../texts.ts';
import type { PageData } from './page-data.ts';
import type { Row } from './rows.ts';

/** What is known of the line below the pointer, or of the one that keys are for: name, duration, share. */
export function Readout({ data, zone, row }: { data: PageData; zone: Zone; row: Row | undefined }) {
  return (
    <p class="readout" aria-live="polite">
      {row === undefined ? (
        <span class="hint">Point at a span, or use the keys; a click tells more</span>
      ) : row.kind === 'span' ? (
        <SpanReadout data={data} zone={zone} span={data.spans[row.span] as PageSpan} />
      ) : row.kind === 'lane' ? (
        <>
          <b>
            <Pool text={data.agentOf(row.agent)} />
          </b>{' '}
          {counted(row.count, 'span')}
        </>
      ) : (
        <b>{data.head.phases[row.phase]?.name}</b>
      )}
    </p>
  );
}

function SpanReadout({ data, zone, span }: { data: PageData; zone: Zone; span: PageSpan }) {
  const { name, start, seconds, result, state, reason } = span;
  const { length, origin } = data.head;
  return (
    <>
      <b>
        <Pool text={name} />
      </b>
      {seconds !== undefined &&
        ` ${durationText(seconds)}, ${shareText((seconds * 1000) / length)} of the boot`}
      {start !== undefined && `, from ${offsetText(start)} (${clockText(origin + start, zone)})`}
      {state !== undefined && `, ${state === 'unfinished' ? 'did not end' : 'start missing'}`}
      {result === 'fail' && ', failed'}
      {reason !== undefined && (
        <>
          : <Pool text={reason} />
        </>
      )}
    </>
  );
}

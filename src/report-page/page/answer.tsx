import type { ComponentChildren } from 'preact';
import type {
  Answer as AnswerModel,
  AnsweredFailure,
  AnsweredReport,
  PageHead,
  Piece,
} from '../page-model.ts';
import { Icon, type IconName } from './icon.tsx';
import {
  counted,
  durationText,
  isoText,
  momentText,
  numberText,
  offsetText,
  shareText,
  visible,
  visibleLines,
  type Zone,
} from './texts.ts';

/** A text of the pool: isolated, so that its direction changes nothing around it. */
export function Pool({ text }: { text: string }) {
  return <bdi>{visible(text)}</bdi>;
}

export function Moment({ time, zone }: { time: number; zone: Zone }) {
  return <time dateTime={isoText(time)}>{momentText(time, zone)}</time>;
}

const OUTCOMES: Record<AnswerModel['outcome'], { icon: IconName; words: string }> = {
  success: { icon: 'success', words: 'Provisioning succeeded' },
  failure: { icon: 'fail', words: 'Provisioning failed' },
  unfinished: { icon: 'unfinished', words: 'Provisioning did not finish' },
  unknown: { icon: 'unknown', words: 'The outcome is not known' },
};

/** What a reader asks first: how it went and why, how long it took, what failed first, and what is known besides. */
export function Answer({ head, zone }: { head: PageHead; zone: Zone }) {
  const { answer, before, isComparison } = head;
  return (
    <div class="answer">
      <Headline answer={answer} />
      {isComparison && before && <Before head={head} before={before} />}
      {answer.start !== undefined && (
        <div class="cards">
          <Duration answer={answer} before={before} />
          {answer.slowest.length > 0 && <Slowest answer={answer} />}
          {answer.failure && <Failure failure={answer.failure} failed={answer.failed} />}
        </div>
      )}
      <div class="facts">
        <dl>
          {answer.facts.map(({ label, items }) => (
            <div key={label}>
              <dt>{label}</dt>
              {items.map((pieces, i) => (
                <dd key={i}>
                  <Pieces pieces={pieces} zone={zone} />
                </dd>
              ))}
            </div>
          ))}
        </dl>
        {answer.report && <Report report={answer.report} zone={zone} />}
      </div>
    </div>
  );
}

function Headline({ answer }: { answer: AnswerModel }) {
  const { outcome, text, seconds } = answer;
  const { icon, words } = OUTCOMES[outcome];
  const line = (
    <>
      <Icon name={icon} /> {words}
    </>
  );
  return (
    <h1 class={outcome}>
      {outcome === 'success' ? (
        <span class="reason">
          {line} in {durationText(seconds)}
        </span>
      ) : (
        <>
          <span class="outcome">{line}</span>
          <span class="reason">
            <Pool text={text} />
          </span>
        </>
      )}
    </h1>
  );
}

const CHANGES = [
  ['slower', 'slower'],
  ['faster', 'faster'],
  ['new', 'new'],
  ['missing', 'missing'],
  ['failed', 'failing now'],
  ['fixed', 'fixed'],
] as const;

/** How the boot before went, and how many spans differ. */
function Before({ head: { changes }, before }: { head: PageHead; before: AnswerModel }) {
  const { outcome, path, text, seconds } = before;
  const { icon, words } = OUTCOMES[outcome];
  const texts = CHANGES.filter(([name]) => (changes?.[name] ?? 0) > 0).map(
    ([name, word]) => `${changes?.[name]} ${word}`,
  );
  return (
    <p class="before">
      Before, in <Pool text={path} />: <Icon name={icon} /> {words.toLowerCase()}
      {outcome === 'success' ? (
        ` in ${durationText(seconds)}`
      ) : (
        <>
          : <Pool text={text} />
        </>
      )}
      . {texts.length === 0 ? 'No span differs.' : `Of the spans now ${texts.join(', ')}.`}
    </p>
  );
}

function Card({ title, children, kind }: { title: string; children: ComponentChildren; kind: string }) {
  return (
    <section class={`card ${kind}`}>
      <h2>{title}</h2>
      {children}
    </section>
  );
}

function Duration({ answer, before }: { answer: AnswerModel; before: AnswerModel | undefined }) {
  const { seconds, sinceKernel, spans, failed, unfinished } = answer;
  const difference = before === undefined ? 0 : seconds - before.seconds;
  return (
    <Card title="Provisioning took" kind="duration">
      <p class="figure">{durationText(seconds)}</p>
      {before !== undefined && (
        <p>
          {difference === 0
            ? 'as before'
            : `${durationText(Math.abs(difference))} ${difference > 0 ? 'longer' : 'less'} than before (${durationText(before.seconds)})`}
        </p>
      )}
      {sinceKernel !== undefined && <p>ended {durationText(sinceKernel)} after the kernel started</p>}
      <p>
        {counted(spans, 'span')}
        {failed > 0 && `, ${failed} failed`}
        {unfinished > 0 && `, ${unfinished} did not end`}
      </p>
    </Card>
  );
}

function Slowest({ answer: { slowest } }: { answer: AnswerModel }) {
  return (
    <Card title="Where the time went" kind="slowest">
      <ol>
        {slowest.map(({ name, agent, count, own, share, span }, i) => (
          <li key={i}>
            <span class="line">
              <span>
                <SpanLink number={span} text={name} />
                {count > 1 && ` × ${count}`}
              </span>{' '}
              <b>{durationText(own)}</b>
            </span>
            <svg class="share" aria-hidden="true">
              <rect class="track" width="100%" height="100%" rx="2" />
              <rect width={`${Math.min(100, share * 100).toFixed(2)}%`} height="100%" rx="2" />
            </svg>
            <small>
              {shareText(share)}, <Pool text={agent} />
            </small>
          </li>
        ))}
      </ol>
    </Card>
  );
}

function SpanLink({ number, text }: { number: number; text: string }) {
  return number < 0 ? (
    <Pool text={text} />
  ) : (
    <a href={`#span-${number}`}>
      <Pool text={text} />
    </a>
  );
}

function Failure({ failure, failed }: { failure: AnsweredFailure; failed: number }) {
  const { name, agent, path, at, seconds, reason, sources, carried, span } = failure;
  return (
    <Card title="What failed first" kind="failure">
      <p class="line">
        <Icon name="fail" /> <SpanLink number={span} text={name} />
        {reason !== undefined && (
          <>
            : <Pool text={reason} />
          </>
        )}
      </p>
      {sources.map((source, i) => (
        <p class="cause" key={i}>
          because: <Pool text={source} />
        </p>
      ))}
      <p>
        <small>
          at {offsetText(at)}
          {seconds !== undefined && `, after ${durationText(seconds)}`}
          {path.length > 1 && ', in '}
          {path.slice(0, -1).map((each, i) => (
            <>
              {i > 0 && ' › '}
              <Pool text={each} />
            </>
          ))}
          , <Pool text={agent} />
        </small>
      </p>
      {carried.length > 0 && (
        <p>
          <small>
            {failed > carried.length + 1 ? `${failed} spans failed in all; ` : ''}failed with it:{' '}
            {carried.map((each, i) => (
              <>
                {i > 0 && ', '}
                <Pool text={each} />
              </>
            ))}
          </small>
        </p>
      )}
    </Card>
  );
}

function Pieces({ pieces, zone }: { pieces: readonly Piece[]; zone: Zone }) {
  return (
    <>
      {pieces.map((piece, i) => {
        if (typeof piece === 'string') return piece;
        if ('count' in piece) {
          return piece.noun === undefined ? numberText(piece.count) : counted(piece.count, piece.noun);
        }
        if ('time' in piece) return <Moment key={i} time={piece.time} zone={zone} />;
        const text = <Pool text={piece.text} />;
        return piece.kind === 'code' ? (
          <code key={i}>{text}</code>
        ) : (
          <span key={i} class={piece.kind}>
            {text}
          </span>
        );
      })}
    </>
  );
}

function Report({ report, zone }: { report: AnsweredReport; zone: Zone }) {
  const { result, reason, agent, time, isCut, data, url, traceback } = report;
  return (
    <section class="report">
      <h2>Provisioning report</h2>
      <p class="line">
        <Icon name={result === 'success' ? 'success' : result === 'error' ? 'fail' : 'unknown'} />{' '}
        <b>
          <Pool text={result ?? 'no result'} />
        </b>
        {reason !== undefined && (
          <>
            : <Pool text={reason} />
          </>
        )}
      </p>
      <p>
        <small>
          {agent !== undefined && (
            <>
              by <Pool text={agent} />
            </>
          )}
          {time !== undefined && (
            <>
              {' at '}
              <Moment time={time} zone={zone} />
            </>
          )}
          {isCut && <span class="warn"> its text was cut short</span>}
        </small>
      </p>
      {data.length > 0 && (
        <table>
          <tbody>
            {data.map(([name, text]) => (
              <tr key={name}>
                <th scope="row">
                  <Pool text={name} />
                </th>
                <td>
                  <Pool text={text} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {url !== undefined && (
        <p>
          <small>
            Documentation: <Pool text={url} />
          </small>
        </p>
      )}
      {traceback !== undefined && (
        <details>
          <summary>Traceback</summary>
          <pre tabIndex={0}>{visibleLines(traceback)}</pre>
        </details>
      )}
    </section>
  );
}

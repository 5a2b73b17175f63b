import { useMemo, useRef, useState } from 'preact/hooks';
import { counted, visible } from '../texts.ts';
import { CopyButton } from './copy-button.tsx';
import { csvOf } from './csv.ts';
import { useVirtual } from './use-virtual.ts';

export interface Column<Row> {
  title: string;
  /** What the cell says, as it is in the pool. */
  text: (row: Row) => string;
  /** What rows are sorted by, and what CSV has; default: the text. */
  value?: (row: Row) => number | undefined;
  /** The unit of `value`. */
  unit?: 's';
  isNumber?: boolean;
  isWide?: boolean;
  isCode?: boolean;
  /** The table is sorted by it at first. */
  first?: 'up' | 'down';
  onClick?: (row: Row) => void;
}

const ROW_HEIGHT = 28;
/** Characters of a cell that are drawn. */
const TEXT_MAX = 400;
/** Characters that fit into every cell; what is longer is shown as a whole by the pointer. */
const TITLE_MIN = 30;

/** A table that is sorted by a click on a title, filtered by a text, and copied as CSV; of many rows it draws those seen. */
export function DataTable<Row>({
  name,
  columns,
  rows,
}: {
  name: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
}) {
  const [sort, setSort] = useState(() => {
    const column = columns.findIndex(({ first }) => first !== undefined);
    return { column, isDown: columns[column]?.first === 'down' };
  });
  const [query, setQuery] = useState('');
  const scroller = useRef<HTMLDivElement>(null);
  const shown = useMemo(() => {
    const wanted = query.trim().toLowerCase();
    const kept =
      wanted === ''
        ? [...rows]
        : rows.filter((row) => columns.some(({ text }) => text(row).toLowerCase().includes(wanted)));
    const by = columns[sort.column];
    if (by === undefined) return kept;
    const sign = sort.isDown ? -1 : 1;
    const { value, text } = by;
    if (value !== undefined) {
      const order = (row: Row): number => value(row) ?? -Number.MAX_VALUE;
      return kept.sort((one, other) => sign * (order(one) - order(other)));
    }
    const keyed = kept.map((row) => ({ row, key: text(row) }));
    keyed.sort((one, other) => sign * (one.key < other.key ? -1 : one.key > other.key ? 1 : 0));
    return keyed.map(({ row }) => row);
    // Columns are made anew each time; what they say changes with the rows.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [rows, query, sort]);
  const { first, end, above, below, onScroll } = useVirtual(scroller, shown.length, ROW_HEIGHT);
  const csv = (): string =>
    csvOf([
      columns.map(({ title, unit }) => (unit === undefined ? title : `${title} (${unit})`)),
      ...shown.map((row) =>
        columns.map(({ text, value }) => (value === undefined ? text(row) : String(value(row) ?? ''))),
      ),
    ]);
  return (
    <>
      <div class="toolbar">
        <input
          type="search"
          placeholder="Filter"
          aria-label={`Filter ${name}`}
          value={query}
          onInput={({ currentTarget: { value } }) => setQuery(value)}
        />
        <output>
          {query === '' ? counted(rows.length, 'row') : `${shown.length} of ${counted(rows.length, 'row')}`}
        </output>
        <span class="space" />
        <CopyButton text={csv}>Copy as CSV</CopyButton>
      </div>
      <div class="grid" ref={scroller} onScroll={onScroll} tabIndex={0} role="region" aria-label={name}>
        <table aria-rowcount={shown.length + 1}>
          <thead>
            <tr aria-rowindex={1}>
              {columns.map(({ title, isNumber }, i) => (
                <th
                  key={title}
                  scope="col"
                  class={isNumber ? 'number' : undefined}
                  aria-sort={i !== sort.column ? 'none' : sort.isDown ? 'descending' : 'ascending'}
                >
                  <button
                    type="button"
                    onClick={() =>
                      setSort({ column: i, isDown: sort.column === i ? !sort.isDown : isNumber === true })
                    }
                  >
                    {title}
                    <span aria-hidden="true">{i !== sort.column ? '' : sort.isDown ? ' ↓' : ' ↑'}</span>
                  </button>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {above > 0 && <Spacer height={above} columns={columns.length} />}
            {shown.slice(first, end).map((row, i) => (
              <tr key={first + i} aria-rowindex={first + i + 2}>
                {columns.map((column) => (
                  <Cell key={column.title} column={column} row={row} />
                ))}
              </tr>
            ))}
            {below > 0 && <Spacer height={below} columns={columns.length} />}
          </tbody>
        </table>
      </div>
    </>
  );
}

function Spacer({ height, columns }: { height: number; columns: number }) {
  return (
    <tr aria-hidden="true" class="spacer">
      <td colSpan={columns}>
        <svg width="1" height={height} />
      </td>
    </tr>
  );
}

function Cell<Row>({ column, row }: { column: Column<Row>; row: Row }) {
  const { text, isNumber, isWide, isCode, onClick } = column;
  const whole = text(row);
  const shown = visible(whole.length > TEXT_MAX ? `${whole.slice(0, TEXT_MAX).toWellFormed()}…` : whole);
  const classes = [isNumber && 'number', isWide && 'wide', isCode && 'code'].filter(Boolean).join(' ');
  return (
    <td class={classes || undefined} title={shown.length > TITLE_MIN ? shown : undefined}>
      {onClick === undefined || whole === '' ? (
        <bdi>{shown}</bdi>
      ) : (
        <button type="button" class="link" onClick={() => onClick(row)}>
          <bdi>{shown}</bdi>
        </button>
      )}
    </td>
  );
}

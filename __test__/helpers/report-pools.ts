import { bytesOf } from './diag-records.ts';

const START = Date.parse('2026-08-31T12:00:00Z');

/** What differs from a boot in which all went well: which step is slower, is not there, or fails, and whether there is one more. */
interface Differences {
  slower?: number;
  without?: number;
  failing?: number;
  more?: boolean;
}

/** A pool of one span with so many steps less one in it, of two records each. */
export function manySpans(
  count: number,
  { slower, without, failing, more = false }: Differences = {},
): Buffer {
  const records: [string, string][] = [];
  const span = (
    name: string,
    id: string,
    from: number,
    seconds: number,
    result: string,
    parent?: string,
  ): void => {
    const key = (kind: string, time: number, end: string): string =>
      `DIAG|agent/1|3f2504e0-4f89-41d3-9a0c-0305e82c3301|${kind}|${name}|${id}|${new Date(START + time).toISOString()}|none|${end}|0`;
    records.push(
      [
        key('start', from, '|'),
        JSON.stringify({ target: 'agent', level: 'INFO', fields: { step: id }, parent }),
      ],
      [
        key('finish', from + seconds * 1000, `${result}|${seconds}`),
        JSON.stringify({ fields: {}, ...(result === 'fail' && { reason: 'it broke' }) }),
      ],
    );
  };
  span('provision', 'root', 0, count * 0.02, 'success');
  for (let i = 1; i < count; i++) {
    if (i === without) continue;
    span(`step ${i}`, `${i}`, i * 20, i === slower ? 0.51 : 0.01, i === failing ? 'fail' : 'success', 'root');
  }
  if (more) span('one more', 'more', count * 20 - 15, 0.01, 'success', 'root');
  return bytesOf(...records);
}

const EVIL = [
  '<img src=x onerror=alert(1)>',
  '"><script>alert(1)</script>',
  "' onmouseover='alert(1)",
  '</script><script>alert(1)</script>',
  '</noscript><img src=x onerror=alert(1)>',
  '<!--',
  '</style><style>*{display:none}</style>',
  '=HYPERLINK("http://evil.example","x")',
  '&lt;script&gt;',
  '${alert(1)}',
  'javascript:alert(1)',
];

/** A pool whose texts would run a script in a page, or a formula in a spreadsheet. */
export function scriptPool(): Buffer {
  const time = new Date(START).toISOString();
  const key = (kind: string, name: string, id: string, end = '|'): string =>
    `DIAG|<b onclick=alert(1)>agent</b>/1|<i>vm</i>|${kind}|${name.replaceAll('|', '')}|${id}|${time}|none|${end}|0`;
  const records = EVIL.flatMap((text, i): [string, string][] => [
    [
      key('start', text, `"><img id=${i}>`),
      JSON.stringify({ level: text, fields: { [text]: text, __proto__: text } }),
    ],
    [
      key('event', text, `e${i}`),
      JSON.stringify({
        level: 'ERROR',
        fields: { message: text, [text]: { [text]: [text] } },
        span: `"><img id=${i}>`,
      }),
    ],
    [
      key('finish', text, `"><img id=${i}>`, 'fail|0.5'),
      JSON.stringify({ fields: {}, reason: text, 'reason.sources': EVIL }),
    ],
  ]);
  const report = `result=error|reason=${EVIL[0]}|agent=${EVIL[1]}|${EVIL[2]}=${EVIL[3]}|documentation_url=javascript:alert(1)`;
  return bytesOf(...records, ['PROVISIONING_REPORT', report], [EVIL[7] as string, EVIL[7] as string]);
}

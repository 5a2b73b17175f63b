import { bytesOf, VM } from './diag-records.ts';

const EVIL = '\u001b[2J\u202e evil\u0007';

function key(kind: string, name: string, id: string, at: number, end = '|'): string {
  const time = new Date(Date.parse('2026-08-31T12:00:00Z') + at).toISOString();
  return `DIAG|ag\u001b[31ment/1|${VM}|${kind}|${name}|${id}|${time}|none|${end}|0`;
}

/** A pool whose texts would control a terminal, fill it, or turn its lines around; the host stops at one of its records. */
export function hostilePool(): Buffer {
  const wide = '日本語のとても長い名前のスパンがここにあります';
  const traceback = Buffer.from(`a\n${EVIL}\n${'y'.repeat(300)}`).toString('base64');
  return bytesOf(
    [
      key('start', 'na\u001b[2Jme', '1', 0),
      JSON.stringify({ fields: { [`k${EVIL}`]: EVIL, a: 'e\u0301\u0301'.repeat(50) } }),
    ],
    [
      key('event', 'na', 'e', 1),
      JSON.stringify({ level: 'IN\u001bFO', fields: { message: EVIL.repeat(30) }, span: '1' }),
    ],
    [key('start', wide, '2', 2), JSON.stringify({ fields: {}, parent: '1' })],
    [
      key('finish', wide, '2', 5000, 'fail|4.9'),
      JSON.stringify({ fields: {}, reason: `${EVIL} ${'x'.repeat(800)}` }),
    ],
    [key('start', '👩‍👩‍👧‍👦 family', '3', 3), JSON.stringify({ fields: { x: '👩‍👩‍👧‍👦'.repeat(20) }, parent: '1' })],
    [
      'PROVISIONING_REPORT',
      `result=error|reason=${EVIL}|agent=${EVIL}|${EVIL}=${EVIL}|traceback_base64=${traceback}`,
    ],
    [Buffer.from('bad\u00ff', 'latin1'), 'x'],
    [`DIAG|a|b|stop${EVIL}|x`, 'y'],
  );
}

/** A pool of spans, each in the one before it and with one beside it. */
export function deepPool(depth: number): Buffer {
  return bytesOf(
    ...Array.from({ length: depth }, (_, i): [string, string][] => [
      [
        key('start', `s${i}`, `s${i}`, i),
        JSON.stringify({ fields: {}, ...(i > 0 && { parent: `s${i - 1}` }) }),
      ],
      [key('start', 'same', `w${i}`, i), JSON.stringify({ fields: {}, parent: `s${i}` })],
      [key('finish', 'same', `w${i}`, i + 1, 'fail|0.001'), JSON.stringify({ fields: {}, reason: 'no' })],
    ]).flat(),
  );
}

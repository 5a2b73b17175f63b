import { isUint8Array } from 'node:util/types';
import { OptionError } from '../../errors.ts';
import { isPool } from '../../pool/is-pool.ts';
import type { PoolRecord } from '../../pool/record.ts';
import { FoundItems } from './found-items.ts';
import { isJsonDump, readJsonItems } from './json-items.ts';
import { readXmlItems } from './xml-items.ts';

/** What a text says that stands for a pool. */
export interface PoolExport {
  /** In the order of the text. */
  readonly records: PoolRecord[];
  /** What is damaged, as a sentence; absent if nothing is. The records are those that could be read. */
  readonly damage?: string;
}

/** An item of a host, in XML, in XML that is a text of other XML, and in a text of JSON. */
const ITEM = /(?:<|&lt;|\\u003[Cc])INSTANCE[\s>\\]/;
const XML_START = /^\s*<[?!A-Za-z]/;
const CLIXML_START = /^\s*(?:<\?[^>]*>\s*)?<Objs[\s>]/;
const JSON_START = /^\s*(?:\[\s*)?(?:"\s*(?:<|\\u003[Cc])INSTANCE|\{\s*"[^"\\]*"\s*:)/;
/** Characters of a text that may have been wrapped; ten times what a full pool takes. */
const UNWRAPPED_MAX = 16 * 1024 * 1024;
const JSON_ITEMS = /"GuestExchangeItems"\s*:/;

/**
 * Reads the records of a text that stands for a pool: what `dump --json` prints, and the `GuestExchangeItems` of a
 * Hyper-V host, as the XML that PowerShell prints, or exported by `ConvertTo-Json` or `Export-Clixml`; in UTF-8, or in
 * UTF-16 with a byte order mark. `undefined` for other bytes, also those of a pool.
 *
 * @example
 * ```ts
 * const found = readExport(readFileSync('items.xml')); // what PowerShell wrote on the host
 * if (found !== undefined) console.log(summarize(readDiagnosticsSync(found.records)).outcome);
 * ```
 */
export function readExport(bytes: Uint8Array): PoolExport | undefined {
  if (!isUint8Array(bytes)) throw new OptionError('bytes', bytes, 'a Buffer or Uint8Array');
  return isPool(bytes) ? undefined : exportIn(bytes);
}

/** The same of bytes that are known to be no pool's. */
export function exportIn(bytes: Uint8Array): PoolExport | undefined {
  const { text, encoding } = decode(bytes);
  const isXml = isXmlExport(text);
  if (!isXml && !isJsonExport(text)) return undefined;
  const found = isXml ? readXml(text) : new FoundItems(text, readJsonItems);
  const { records } = found;
  const damage = encoding === undefined ? found.damage : `the text is not valid ${encoding}`;
  return damage === undefined ? { records } : { records, damage };
}

function isXmlExport(text: string): boolean {
  return CLIXML_START.test(text) || (XML_START.test(text) && ITEM.test(text));
}

function isJsonExport(text: string): boolean {
  return isJsonDump(text) || (JSON_START.test(text) && (ITEM.test(text) || JSON_ITEMS.test(text)));
}

/** The text, and the encoding that its bytes break. */
function decode(bytes: Uint8Array): { text: string; encoding?: string } {
  const [first, second] = bytes;
  const isLittle = first === 0xff && second === 0xfe;
  const encoding = isLittle ? 'UTF-16LE' : first === 0xfe && second === 0xff ? 'UTF-16BE' : 'UTF-8';
  try {
    return { text: new TextDecoder(encoding, { fatal: true }).decode(bytes) };
  } catch {
    return { text: new TextDecoder(encoding).decode(bytes), encoding };
  }
}

/** Reads XML as it is; where that is damaged, as it was before a terminal wrapped it, which breaks names and tags. */
function readXml(text: string): FoundItems {
  const found = new FoundItems(text, readXmlItems);
  if (found.damages === 0 || text.length > UNWRAPPED_MAX) return found;
  const unwrapped = new FoundItems(unwrap(text), readXmlItems);
  return unwrapped.damages < found.damages ? unwrapped : found;
}

/** The text with its lines as they were before a terminal wrapped them: those that fill its width go on in the next. */
function unwrap(text: string): string {
  const lines = text.split(/\r?\n/);
  const width = lines.reduce((longest, { length }) => Math.max(longest, length), 0);
  return lines.map((line) => (line.length === width ? line : `${line}\n`)).join('');
}

import { isUtf8 } from 'node:buffer';
import type { ZlibOptions } from 'node:zlib';
import { FieldError, messageOf, TooLargeError } from '../errors.ts';
import { chunksOf } from '../pool/record.ts';
import type { Allowance } from './allowance.ts';
import type { ParseFailure } from './collector.ts';
import { JsonReader } from './json-reader.ts';

/** Loaded when it is needed: most pools have nothing compressed. */
const zlib = (): typeof import('node:zlib') => process.getBuiltinModule('node:zlib');

/** Bytes that a decoded payload may have. */
const DECODED_MAX = 16 * 1024 * 1024;
/** The most bytes that zlib unpacks one byte to. */
const RATIO_MAX = 1032;

const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

/** A decoded payload: its text, and its bytes if they are not UTF-8. */
export interface Decoded {
  text: string;
  bytes?: Buffer;
}

/** Decodes the payloads of one pool. A payload that ends early is `incomplete_group`; only the caller knows its chunks. */
export class Decoder {
  readonly allowance: Allowance;
  readonly json: JsonReader;

  constructor(allowance: Allowance) {
    this.allowance = allowance;
    this.json = new JsonReader(allowance);
  }

  /** Decodes a payload that is stored by one of the contract's encodings. */
  decode(encoding: string, stored: Buffer): Decoded | ParseFailure {
    switch (encoding) {
      case 'none':
        return decoded(stored);
      case 'zlib+b64':
        return this.#unpack(stored.toString('latin1'), zlib().inflateSync);
      case 'gz+b64':
        return this.#unpack(stored.toString('latin1'), zlib().gunzipSync);
      default:
        return undecodable(`encoding ${JSON.stringify(encoding)} is not none, zlib+b64 or gz+b64`);
    }
  }

  /** Decodes what cloud-init calls `gz+b64`: zlib or gzip, in base64 with line breaks. */
  decodeLoosely(stored: string): Decoded | ParseFailure {
    return this.#unpack(stored.replace(/[\r\n]+/g, ''), zlib().unzipSync);
  }

  #unpack(base64: string, unpack: (packed: Buffer, options: ZlibOptions) => unknown): Decoded | ParseFailure {
    if (!BASE64.test(base64)) return undecodable('the payload is not padded base64');
    if (base64.length % 4 !== 0) return endsEarly('the payload is not padded base64');
    const packed = Buffer.from(base64, 'base64');
    const maxOutputLength = Math.min(DECODED_MAX, this.allowance.left);
    if (maxOutputLength === 0) return undecodable(this.allowance.exceeded);
    try {
      // The types do not know that `info` changes the result.
      const { buffer, engine } = unpack(packed, { maxOutputLength, info: true }) as Unpacked;
      if (engine.bytesWritten !== packed.length) {
        this.allowance.waste(buffer.length);
        return undecodable('there is more behind the packed payload');
      }
      const unpacked = decoded(buffer);
      // A text takes two bytes for each character if one of them is not of Latin-1.
      this.allowance.spend(unpacked.text.length < buffer.length ? 3 * buffer.length : buffer.length);
      return unpacked;
    } catch (thrown) {
      const isTooLarge = (thrown as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
      if (isTooLarge) {
        this.allowance.waste(maxOutputLength);
        return undecodable(
          maxOutputLength < DECODED_MAX
            ? this.allowance.exceeded
            : `the payload unpacks to more than ${DECODED_MAX} bytes`,
        );
      }
      this.allowance.waste(Math.min(DECODED_MAX, RATIO_MAX * packed.length));
      const isShort = (thrown as NodeJS.ErrnoException).code === 'Z_BUF_ERROR';
      return isShort ? endsEarly(messageOf(thrown)) : undecodable(messageOf(thrown));
    }
  }
}

/** Decodes bytes that are not compressed. */
export function decoded(bytes: Buffer): Decoded {
  const text = bytes.toString('utf8');
  return text.includes('\ufffd') && !isUtf8(bytes) ? { text, bytes } : { text };
}

interface Unpacked {
  buffer: Buffer;
  engine: { bytesWritten: number };
}

function endsEarly(message: string): ParseFailure {
  return { reason: 'incomplete_group', message };
}

function undecodable(message: string): ParseFailure {
  return { reason: 'undecodable', message };
}

/**
 * How a payload is stored. `'none'`: as it is, which needs UTF-8 without NUL. `'zlib+b64'`, `'gz+b64'`: compressed,
 * in base64. `'auto'`: compressed if that saves a record or if it can't be stored as it is.
 */
export type PayloadEncoding = 'none' | 'zlib+b64' | 'gz+b64' | 'auto';

/** A payload as it is stored. */
interface Encoded {
  encoding: Exclude<PayloadEncoding, 'auto'>;
  stored: Buffer;
}

/** A pool has room for few records: saving one is worth the time. */
const BEST = { level: 9 } as const;
/** Bytes that are compressed in this thread: passing them to another would take longer. */
const SYNC_MAX = 4096;

/**
 * Encodes a payload. Throws `TooLargeError` for more bytes than readers unpack, and `FieldError` for a payload
 * that `'none'` can't store.
 */
export async function encode(bytes: Buffer, asked: PayloadEncoding): Promise<Encoded> {
  if (bytes.length > DECODED_MAX) {
    throw new TooLargeError(`the payload has ${bytes.length} bytes; readers take at most ${DECODED_MAX}`);
  }
  const asItIs: Encoded = { encoding: 'none', stored: bytes };
  const isText = isUtf8(bytes) && !bytes.includes(0);
  if (asked === 'none') {
    if (isText) return asItIs;
    const start = JSON.stringify(bytes.toString('utf8', 0, 64));
    const rule = "with encoding 'none' it must be UTF-8 without NUL; 'auto' compresses what is not";
    throw new FieldError('ERR_KVP_INVALID_FIELD', `payload ${start} is not allowed: ${rule}`);
  }
  const needed = isText ? recordsOf(bytes) : Infinity;
  if (asked === 'auto' && needed === 1) return asItIs;
  const encoding = asked === 'auto' ? 'zlib+b64' : asked;
  const stored = Buffer.from((await pack(bytes, encoding)).toString('base64'), 'latin1');
  return asked === 'auto' && isText && needed <= recordsOf(stored) ? asItIs : { encoding, stored };
}

function recordsOf(stored: Buffer): number {
  return chunksOf(stored)?.length ?? Infinity;
}

async function pack(bytes: Buffer, encoding: 'zlib+b64' | 'gz+b64'): Promise<Buffer> {
  const { deflate, deflateSync, gzip, gzipSync } = zlib();
  const isZlib = encoding === 'zlib+b64';
  if (bytes.length <= SYNC_MAX) return (isZlib ? deflateSync : gzipSync)(bytes, BEST);
  return new Promise((resolve, reject) => {
    (isZlib ? deflate : gzip)(bytes, BEST, (error, packed) => {
      if (error === null) resolve(packed);
      else reject(error);
    });
  });
}

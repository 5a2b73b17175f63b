import { gunzipSync, inflateSync, type ZlibOptions } from 'node:zlib';
import { messageOf } from '../errors.ts';
import type { Refusal } from './diagnostic.ts';

/** A payload of more bytes, decoded, is refused. */
const DECODED_MAX = 16 * 1024 * 1024;
/** What one pool may unpack to in all: a small file must not fill the memory of who reads it. */
const POOL_MAX = 128 * 1024 * 1024;

const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

/** Decodes the payloads of one pool; what is no UTF-8 becomes U+FFFD. */
export class Decoder {
  #left = POOL_MAX;

  decode(encoding: string, stored: Buffer): string | Refusal {
    switch (encoding) {
      case 'none':
        return stored.toString('utf8');
      case 'zlib+b64':
        return this.#unpack(stored, inflateSync);
      case 'gz+b64':
        return this.#unpack(stored, gunzipSync);
      default:
        return undecodable(`encoding ${JSON.stringify(encoding)} is not none, zlib+b64 or gz+b64`);
    }
  }

  #unpack(stored: Buffer, unpack: (packed: Buffer, options: ZlibOptions) => unknown): string | Refusal {
    const text = stored.toString('latin1');
    if (text.length % 4 !== 0 || !BASE64.test(text)) return undecodable('the payload is not padded base64');
    const packed = Buffer.from(text, 'base64');
    const maxOutputLength = Math.min(DECODED_MAX, this.#left);
    if (maxOutputLength === 0) return undecodable(`the pool unpacks to more than ${POOL_MAX} bytes`);
    try {
      // What `info` makes of the answer is not in its type.
      const { buffer, engine } = unpack(packed, { maxOutputLength, info: true }) as Unpacked;
      this.#left -= buffer.length;
      if (engine.bytesWritten !== packed.length)
        return undecodable('there is more behind the packed payload');
      return buffer.toString('utf8');
    } catch (thrown) {
      const isTooLarge = (thrown as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
      // The attempt has taken that much memory: no second one gets as much.
      if (isTooLarge) this.#left = Math.max(0, this.#left - maxOutputLength);
      return undecodable(
        isTooLarge ? `the payload unpacks to more than ${maxOutputLength} bytes` : messageOf(thrown),
      );
    }
  }
}

interface Unpacked {
  buffer: Buffer;
  engine: { bytesWritten: number };
}

function undecodable(message: string): Refusal {
  return { reason: 'undecodable', message };
}

import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

/** `e_machine` of the machines that there is a native core for, by the name that Node.js gives them. */
const MACHINES: Readonly<Record<string, number>> = { x64: 62, arm64: 183 };
const HEADER_SIZE = 64;
const PROGRAM_HEADER_SIZE = 56;
/** Of `p_type`: what is mapped, and the name of the program that maps it. */
const PT_LOAD = 1;
const PT_INTERP = 3;
/** What is read at once: of most files all that is looked at. */
const START = 4096;
/** Program headers and the name of an interpreter are far smaller. */
const READ_MAX = 65_536;

/** What an ELF file says of itself. */
export interface Elf {
  /** Bytes that the file has. */
  readonly size: number;
  /** Bytes that it must have: behind the last of its sections and of its parts that are mapped. */
  readonly complete: number;
  /** Whether it is for this machine. */
  readonly isForThisMachine: boolean;
  /** The program that loads it, `PT_INTERP`: it belongs to the C library. Libraries have none. */
  readonly interpreter: string | undefined;
}

/**
 * Reads the headers of a 64-bit ELF file; `undefined` if it is none. Throws the error of the system if the file
 * can't be read. The layout is that of `elf(5)`.
 */
export function readElf(path: string): Elf | undefined {
  const fd = openSync(path, 'r');
  try {
    return elfOf(fd);
  } finally {
    closeSync(fd);
  }
}

function elfOf(fd: number): Elf | undefined {
  const header = read(fd, 0, START);
  const bytes = (offset: number, length: number): Buffer =>
    offset + length <= header.length ? header.subarray(offset, offset + length) : read(fd, offset, length);
  // The magic number, 64 bits, the byte order of both machines.
  if (header.length < HEADER_SIZE || header.readUInt32BE(0) !== 0x7f_45_4c_46) return undefined;
  if (header[4] !== 2 || header[5] !== 1) return undefined;
  let complete = wordAt(header, 40) + header.readUInt16LE(58) * header.readUInt16LE(60);
  let interpreter: string | undefined;
  const programHeaders = bytes(wordAt(header, 32), header.readUInt16LE(56) * PROGRAM_HEADER_SIZE);
  for (let at = 0; at + PROGRAM_HEADER_SIZE <= programHeaders.length; at += PROGRAM_HEADER_SIZE) {
    const type = programHeaders.readUInt32LE(at);
    const offset = wordAt(programHeaders, at + 8);
    const length = wordAt(programHeaders, at + 32);
    if (type === PT_LOAD) complete = Math.max(complete, offset + length);
    if (type === PT_INTERP) interpreter = bytes(offset, length).toString('latin1').replace(/\0.*$/s, '');
  }
  return {
    size: fstatSync(fd).size,
    complete,
    isForThisMachine: header.readUInt16LE(18) === MACHINES[process.arch],
    interpreter,
  };
}

/** The bytes of a file from `offset`, fewer where it ends. */
function read(fd: number, offset: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(Math.min(length, READ_MAX));
  const position = Math.min(offset, Number.MAX_SAFE_INTEGER);
  return bytes.subarray(0, readSync(fd, bytes, 0, bytes.length, position));
}

/** A number of 64 bits; one that is too large to be exact is larger than any file. */
function wordAt(bytes: Buffer, at: number): number {
  return bytes.readUInt32LE(at) + bytes.readUInt32LE(at + 4) * 2 ** 32;
}

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/** The one that Debian's cloud-init is installed for. */
const PYTHON = '/usr/bin/python3';

/** What the tests with Python's csv lack on this machine, if anything. */
export const csvMissing: string | undefined = existsSync(PYTHON)
  ? undefined
  : `missing ${PYTHON}: apt-get install python3`;

const PROGRAM = `
import csv, io, json, sys

asked = json.load(sys.stdin)
settings = {"delimiter": "|", "quotechar": asked["quote"], "quoting": csv.QUOTE_MINIMAL}

def spelled(fields):
    try:
        from cloudinit.sources.azure.errors import encode_report
        return encode_report(fields, quotechar=asked["quote"])
    except ImportError:
        line = io.StringIO()
        csv.writer(line, **settings).writerow(fields)
        return line.getvalue().rstrip()

def read(text):
    return next(csv.reader(io.StringIO(text, newline=""), **settings))

json.dump([(spelled if asked["act"] == "write" else read)(item) for item in asked["items"]], sys.stdout)
`;

function ask(act: 'read' | 'write', quote: '"' | "'", items: readonly unknown[]): unknown {
  const input = JSON.stringify({ act, quote, items });
  const { status, stdout, stderr } = spawnSync(PYTHON, ['-c', PROGRAM], { input, encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
}

/**
 * Reports, each from its fields, by cloud-init's own `encode_report` (cloudinit/sources/azure/errors.py), or where
 * that is not installed or older by Python's csv module with its settings. The quote is cloud-init's `'` or
 * azure-init's.
 */
export function writtenByPython(quote: '"' | "'", reports: readonly (readonly string[])[]): string[] {
  return ask('write', quote, reports) as string[];
}

/** The fields of each report, as Python's csv module reads them. */
export function readByPython(quote: '"' | "'", texts: readonly string[]): string[][] {
  return ask('read', quote, texts) as string[][];
}

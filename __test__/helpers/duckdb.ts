import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ROOT } from './programs.ts';

/** Python with DuckDB, a virtual environment in the project's folder. */
const PYTHON = fileURLToPath(new URL('.duckdb/bin/python', ROOT));

/** What the tests with DuckDB lack on this machine, if anything. */
export const duckdbMissing: string | undefined = existsSync(PYTHON)
  ? undefined
  : 'missing duckdb: python3 -m venv .duckdb && .duckdb/bin/pip install duckdb==2.0.1';

const PROGRAM = `
import duckdb, json, sys

connection = duckdb.connect()
answers = []
for query in json.load(sys.stdin):
    result = connection.execute(query)
    names = [column[0] for column in result.description]
    answers.append([dict(zip(names, row)) for row in result.fetchall()])
json.dump(answers, sys.stdout, default=str)
`;

/** The rows that DuckDB answers to queries, one after the other, in a folder. */
export function duckdb(cwd: string, queries: readonly string[]): Record<string, unknown>[][] {
  const input = JSON.stringify(queries);
  const { status, stdout, stderr } = spawnSync(PYTHON, ['-c', PROGRAM], { cwd, input, encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as Record<string, unknown>[][];
}

import test from 'ava';
import '../src/filter/text-filters.ts';
import { initializeTracing } from '../src/setup/initialize-tracing.ts';
import { target } from '../src/tracing/target.ts';

const OFF = { kvp: false, opentelemetry: false } as const;

/** What reaches stderr's layer with this variable, and what is complained of. */
async function lines(value: string, filter?: string): Promise<{ lines: string[]; problems: string[] }> {
  const [lines, problems] = [[] as string[], [] as string[]];
  process.env['AZURE_INIT_LOG'] = value;
  try {
    const writer = { write: (line: string) => void lines.push(line.replace(/^.*: |\n/g, '')) };
    const tracing = await initializeTracing({
      ...OFF,
      stderr: { writer, spanEvents: [], ...(filter === undefined ? undefined : { filter }) },
      onProblem: ({ message }) => problems.push(message),
    });
    target('agent::user').debug('user');
    const agent = target('agent');
    agent.debug('outside');
    agent.inSpan('provision', () => agent.debug('inside'));
    await tracing.shutdown();
  } finally {
    delete process.env['AZURE_INIT_LOG'];
  }
  return { lines, problems };
}

test.serial('a variable and an option take the text of an EnvFilter', async (t) => {
  t.deepEqual(await lines('info,agent::user=debug'), { lines: ['user'], problems: [] });
  t.deepEqual(await lines('[provision]=debug', 'off'), { lines: ['inside'], problems: [] });
  t.deepEqual(await lines('', 'warn,agent::user=debug'), { lines: ['user'], problems: [] });
});

test.serial('one that is invalid is reported with its part, then the option holds', async (t) => {
  const { lines: heard, problems } = await lines('agent=debug,[provision', 'agent::user=debug');
  t.deepEqual(heard, ['user']);
  t.is(problems.length, 1);
  t.regex(
    problems[0] ?? '',
    /^AZURE_INIT_LOG must be a filter \(invalid filter directive "\[provision": .*\), not "agent=debug,\[provision"; it is ignored$/,
  );
});

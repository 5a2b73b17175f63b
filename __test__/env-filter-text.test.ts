import { spawnSync } from 'node:child_process';
import { inspect } from 'node:util';
import test from 'ava';
import fc from 'fast-check';
import '../src/filter/text-filters.ts';
import { FilterError, OptionError } from '../src/errors.ts';
import { EnvFilter, type EnvFilterOptions } from '../src/filter/env-filter.ts';
import { Fields } from '../src/tracing/fields.ts';
import { type FilterInput, filterOf } from '../src/tracing/filter.ts';
import { Level } from '../src/tracing/level.ts';
import { Callsite, eventCallsites } from '../src/tracing/callsite.ts';
import { processorTime } from './helpers/processor-time.ts';
import { onBuilt, ROOT } from './helpers/programs.ts';
import { Recorder } from './helpers/recorder.ts';

/** How verbose events of a target may be. */
function verbosityIn(filter: EnvFilter, target: string): number {
  return Object.values(Level).filter((level) => filter.enabled(eventCallsites(target)[level])).length;
}

/** Whether `[s{v=VALUE}]` opens a span whose field has this value. */
function matches(value: string, given: unknown, options?: EnvFilterOptions): boolean {
  const filter = EnvFilter.parse(`[s{v=${value}}]=debug`, options);
  const span = new Callsite('span', 't', 'INFO', 's').withFields(['v']);
  return (filter.onSpan?.(span, new Fields(['v'], [given]))?.verbosity ?? 0) > 0;
}

test('a directive is a level, a target, a span, or all of them', (t) => {
  t.is(verbosityIn(EnvFilter.parse('warn'), 'a'), 2);
  t.is(verbosityIn(EnvFilter.parse('4'), 'a'), 4);
  t.is(verbosityIn(EnvFilter.parse('a::b'), 'a::b::c'), 5);
  t.is(verbosityIn(EnvFilter.parse('a::b'), 'a'), 0);
  t.is(verbosityIn(EnvFilter.parse('@azure/agent.net_2-x=INFO'), '@azure/agent.net_2-x'), 3);
  t.is(verbosityIn(EnvFilter.parse('größe=1'), 'größe'), 1);
  t.is(verbosityIn(EnvFilter.parse('info='), 'info'), 5, 'a target may be named like a level');
  t.is(verbosityIn(EnvFilter.parse(' a=debug , ,warn, '), 'a'), 4, 'parts are trimmed, empty ones dropped');
  t.is(verbosityIn(EnvFilter.parse('a=debug,a=warn'), 'a'), 2, 'the same selector again replaces');
  t.is(verbosityIn(EnvFilter.parse('trace,a=off'), 'a::b'), 0, 'the first match decides, even when stricter');
});

test('commas inside of braces and quotes do not split, nor do braces that stay open', (t) => {
  const levels = (filter: string) =>
    verbosityIn(EnvFilter.parse(filter, { lenient: true, onProblem() {} }), 'x');
  t.is(levels('[s{a,b=2}]=debug,info'), 3);
  t.is(levels('[s{a="x}]=trace,y",b}]=debug,info'), 3);
  t.is(levels('[s{a=x{2,3}}]=debug,info'), 3);
  t.is(levels('[s{a=1,info'), 3);
  t.is(levels('{a,b},info'), 3);
  t.is(levels('{a,warn},info'), 3, 'also where it is the first character');
  t.is(levels('{a,warn,info'), 3);
  t.is(levels('[s"]=debug,info'), 3);
  t.true(matches('a{2,3}', 'aaa'));
  t.false(matches('^a{2,3}', 'aaaa'));
  t.true(matches('"x},y"', 'x},y'));
  t.true(matches('\\{', '{'));
});

test('values are booleans, numbers, quoted texts or regular expressions', (t) => {
  const yes: [string, unknown][] = [
    ['true', true],
    ['4', 4],
    ['4', 4n],
    ['4.0', 4n],
    ['4', 4.0],
    ['+4', 4],
    ['-4', -4],
    ['1e3', 1000],
    ['.5', 0.5],
    ['NaN', NaN],
    ['inf', Infinity],
    ['-Infinity', -Infinity],
    ['9007199254740993', 9007199254740993n],
    ['"bob"', 'bob'],
    ['"4"', '4'],
    ['"a\\"b"', 'a"b'],
    ['"C:\\temp"', 'C:\\temp'],
    ['""', ''],
    ['"bob"', { [inspect.custom]: () => '"bob"' }],
    ['bob', 'bob'],
    ['b.b', 'bob'],
    ['(?i)BOB', 'bob'],
    ['b\\-b', 'b-b'],
    ['[\\-_]', '-'],
    ['ob', 'bob'],
    ['b', 'bob'],
    ['', 'anything'],
    ['a|b', 'xb'],
    ['no such file', new Error('no such file')],
    ['2024-.*Z', new Date(0 + Date.UTC(2024, 0, 1))],
    ['\\[ 1. 2 \\]', [1, 2]],
    ['a=b', 'a=b'],
    ['1\\.0', '1.0'],
    ['x', 'x'.repeat(4096)],
    ['Invalid Date', new Date(NaN)],
    ['\\{ a: 1. b: \\{ c: 2 \\} \\}', { a: 1, b: { c: 2 } }],
    ['"\\{ \\}"', '\\{ \\}'],
    ['inf', Infinity],
    ['infinity', Infinity],
    ['nan', NaN],
    ['0', 0n],
    ['-5', -5n],
    ['(?s)a.b', 'a\nb'],
    ['(?si)A.b', 'a\nB'],
    ['a\\&b', 'a&b'],
    ['false', false],
  ];
  for (const [text, value] of yes) t.true(matches(text, value), `${text} ${inspect(value)}`);
  const no: [string, unknown][] = [
    ['true', 'true'],
    ['true', 1],
    ['4', '4'],
    ['4', 5],
    ['4.5', 4n],
    ['9007199254740993', 9007199254740992n],
    ['"bob"', 'bobby'],
    ['"bob"', { [inspect.custom]: () => 'bob' }],
    ['"4"', 4],
    ['bo', 'bob'],
    ['.*', 42],
    ['.*', undefined],
    ['a$', 'a\n'],
    ['.', '\n'],
    ['x', 'x'.repeat(4097)],
    ['.*', 5n],
    ['.*', true],
    ['.*', 4.5],
    ['false', true],
    ['true', false],
    ['false', 'false'],
    ['4', '4'],
    ['4', true],
    ['4', NaN],
    ['NaN', 4],
    ['inf', -Infinity],
    ['4', undefined],
    ['"bob"', undefined],
    ['"4"', 4n],
    ['2024-.*Z', '2025-01-01T00:00:00Z'],
  ];
  for (const [text, value] of no) t.false(matches(text, value), `${text} ${inspect(value)}`.slice(0, 80));
  t.false(matches('bob', 'bob', { regex: false }), 'a text in Debug form has quotes');
  t.true(matches('"bob"', 'bob', { regex: false }));
  t.true(matches('a.b', { [inspect.custom]: () => 'a.b' }, { regex: false }));
  t.false(matches('4', '4', { regex: false }));
  for (const given of [undefined, 4, true, 4n, 'undefined'])
    t.false(matches('undefined', given, { regex: false }));
  t.false(matches('a.b', { [inspect.custom]: () => 'axb' }, { regex: false }));
});

test('a value that makes trouble matches nothing', (t) => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  const throwing = {
    [inspect.custom]: () => {
      throw new Error('trap');
    },
  };
  for (const value of [proxy, throwing]) t.notThrows(() => matches('x{0,9}y', value));
  t.false(matches('.*', throwing));
});

test('a part that is read to its end says what stands there', (t) => {
  const inside = (text: string, name: string, fields: Record<string, unknown>, target = 't'): number => {
    const filter = EnvFilter.parse(text);
    const span = new Callsite('span', target, 'INFO', name).withFields(Object.keys(fields));
    return filter.onSpan?.(span, new Fields(Object.keys(fields), Object.values(fields)))?.verbosity ?? 0;
  };
  t.is(inside('[s]', 's', {}), 5, 'without a level it is trace');
  t.is(inside('[s]=', 's', {}), 5);
  t.is(inside('[s]=2', 's', {}), 2);
  t.is(inside('[s]=warn', 'other', {}), 0);
  t.is(inside('[s{a}]', 's', { a: 1 }), 5);
  t.is(inside('[s{a}]=warn', 's', { b: 1 }), 0);
  t.is(inside('[{a}]=warn', 'any', { a: 1 }), 2, 'any span with the field');
  t.is(inside('[{ a , b = 1 }]=warn', 'any', { a: 1, 'b ': 1 }), 0, 'a name is trimmed only outside');
  t.is(inside('t[s{a=1,b=2}]=3', 's', { a: 1, b: 2 }), 3);
  t.is(inside('t[s{a=1,b=2}]=3', 's', { a: 1, b: 3 }), 0);
  t.is(inside('t[s{a=1,b=2}]=3', 's', { a: 1 }), 0);
  t.is(inside('other[s]=3', 's', {}), 0);
  t.is(inside('[s{a="x,y",b}]=4', 's', { a: 'x,y', b: 1 }), 4, 'a comma in quotes');
  t.is(inside('[s{a="x}y"}]=4', 's', { a: 'x}y' }), 4, 'a brace in quotes');
  t.is(inside('[s{a="x\\"}y"}]=4', 's', { a: 'x"}y' }), 4, 'a quote in quotes');
  t.is(inside('[s{a=x{2},b}]=4', 's', { a: 'xx', b: 1 }), 4, 'braces in braces');
  t.is(inside('[s{a=x\\{,b}]=4', 's', { a: 'x{', b: 1 }), 4, 'a brace behind a backslash');
  t.is(inside('[s{a="x"}]=4,[r{b="y"}]=3', 'r', { b: 'y' }), 3, 'a part behind another with quotes');
  t.is(inside('[s{a=""}]=4,[r{b=""}]=3', 's', { a: '' }), 4, 'quotes with nothing in them');
  t.is(inside('[s{=1}]=4', 's', { '=1': 1 }), 0, 'a value without a name is of none');
  t.is(inside('[s{=1}]=4', 's', { '': 1 }), 4);
  t.is(inside('[s{a=1}]=2,[s{a=1}]=4', 's', { a: 1 }), 4, 'the same selector again replaces');
  t.is(inside('[s{a=1,b}]=2,[s{b,a=1}]=4', 's', { a: 1, b: 1 }), 4, 'in any order of fields');
  t.is(inside('[s{a=1}]=4,[s{b=1}]=2', 's', { a: 1, b: 1 }), 4, 'of several that match the most verbose');
});

test('of several directives the longest target decides, then the most fields, then the alphabet', (t) => {
  const passes = (text: string, names: string[], target = 'a::b'): number => {
    const filter = EnvFilter.parse(text);
    const sites = Object.values(eventCallsites(target)).map((site) => site.withFields(names));
    return sites.filter((site) => filter.enabled(site)).length;
  };
  for (const text of ['a=1,a::b=3', 'a::b=3,a=1']) t.is(passes(text, []), 3, text);
  for (const text of ['2,a=1', 'a=1,2']) t.is(passes(text, []), 1, text);
  for (const text of ['[{x}]=4,a=1', 'a=1,[{x}]=4']) t.is(passes(text, ['x']), 1, text);
  for (const text of ['[{x}]=4,1', '1,[{x}]=4']) t.is(passes(text, ['x']), 4, text);
  for (const text of ['[{x}]=4,[{x,y}]=1', '[{x,y}]=1,[{x}]=4']) {
    t.is(passes(text, ['x', 'y']), 1, text);
    t.is(passes(text, ['x']), 4, text);
  }
  for (const text of ['[{x}]=4,[{y}]=1', '[{y}]=1,[{x}]=4']) t.is(passes(text, ['x', 'y']), 1, text);
});

test('what a filter may let pass says its verbosity, which spares the rest', (t) => {
  const verbosities: [string, number][] = [
    ['off', 0],
    ['a=off', 0],
    ['error', 1],
    ['a=debug,warn', 4],
    ['[s]=warn', 2],
    ['[s{a}]=warn', 2],
    ['[s{a=1}]=warn', 5],
  ];
  for (const [text, verbosity] of verbosities) t.is(EnvFilter.parse(text).verbosity, verbosity, text);
  t.is(EnvFilter.parse('').verbosity, 0);
  t.is(new EnvFilter('').verbosity, 1);
  t.is(new EnvFilter('', { default: 'info' }).verbosity, 3);
  t.is(new EnvFilter('warn', { default: 'info' }).verbosity, 2);
  t.is(EnvFilter.parse('error').onSpan, undefined);
});

test('a span too verbose for what a filter lets pass is not made by its name', (t) => {
  const isMade = (text: string, level: 'DEBUG' | 'INFO' | 'WARN'): boolean =>
    EnvFilter.parse(text).enabled(new Callsite('span', 't', level, 's'));
  t.true(isMade('[s]=info', 'INFO'));
  t.true(isMade('[s]=info', 'WARN'));
  t.false(isMade('[s]=info', 'DEBUG'));
  t.true(isMade('[s{a=1}]=info,off', 'DEBUG') === false, 'it has not the field');
});

test('the filter of a variable is lenient, and error if it is not set', (t) => {
  const name = 'KVP_TEST_FILTER';
  process.env[name] = 'a=debug';
  t.is(verbosityIn(EnvFilter.fromEnv(name), 'a'), 4);
  t.is(verbosityIn(EnvFilter.fromEnv(name), 'b'), 0);
  delete process.env[name];
  t.is(verbosityIn(EnvFilter.fromEnv(name), 'a'), 1);
});

test('a filter that is lenient tells the handler of each part that it ignores', (t) => {
  const told: string[] = [];
  const onProblem = (problem: Error): void => void told.push(problem.message);
  const filter = new EnvFilter('a=loud,warn', { onProblem });
  t.is(filter.verbosity, 2);
  t.is(EnvFilter.parse('b=loud', { lenient: true, default: 'c=loud', onProblem }).verbosity, 0);
  t.is(told.length, 3);
  for (const [i, part] of ['a=loud', 'b=loud', 'c=loud'].entries()) {
    t.true(told[i]?.startsWith(`invalid filter directive "${part}": "loud" is no level`), told[i]);
    t.true(told[i]?.endsWith('; it is ignored'), told[i]);
  }
  t.throws(() => new EnvFilter('a=loud', { lenient: false }), { instanceOf: FilterError });
  for (const wrong of [5, null, {}] as never[]) {
    t.throws(() => new EnvFilter(wrong), { instanceOf: OptionError });
    t.throws(() => new EnvFilter('', { default: wrong }), { instanceOf: OptionError });
  }
});

test('an error names the part and why', (t) => {
  const wrong: [string, string, RegExp][] = [
    ['info,a=loud', 'a=loud', /"loud" is no level \(off, error, warn, info, debug, trace or 0 to 5\)$/],
    ['=debug', '=debug', /no target in front of "="/],
    [',!', '!', /"!" is neither a level \(.*\) nor a target/],
    ['a b', 'a b', /"a b" is neither/],
    ['[s]debug', '[s]debug', /"debug" behind "\]"/],
    ['[s', '[s', /no "\]"/],
    ['[s{a]', '[s{a]', /no "}\]"/],
    ['[s{a}x]', '[s{a}x]', /no "}\]"/],
    ['[{}]=info', '[{}]=info', /a field has no name/],
    ['[s{a,}]', '[s{a,}]', /a field has no name/],
    ['[s{a=(}]', '[s{a=(}]', /regular expression/],
    ['[s{a=)(}]', '[s{a=)(}]', /regular expression/],
    ['a=6', 'a=6', /"6" is no level/],
  ];
  for (const [text, part, why] of wrong) {
    const error = t.throws(() => EnvFilter.parse(text), { instanceOf: FilterError }, text);
    t.is(error?.code, 'ERR_KVP_INVALID_FILTER');
    t.is(error?.part, part);
    t.true(error?.message.startsWith(`invalid filter directive ${JSON.stringify(part)}: `), error?.message);
    t.regex(error?.message ?? '', why);
  }
  t.throws(() => EnvFilter.parse('', { default: 'a=loud' }), { instanceOf: FilterError });
  t.throws(() => EnvFilter.parse(undefined as never), {
    instanceOf: OptionError,
    message: 'filter must be a text, not undefined',
  });
});

test('the lenient constructor reports bad parts on stderr, one line each; fromEnv is lenient as well', (t) => {
  const source = `import { EnvFilter } from 'kvp-tracing';
    const text = 'a=loud,warn,[s\\nx';
    for (const filter of [new EnvFilter(text), EnvFilter.fromEnv('FILTER'), EnvFilter.fromEnv('NONE')]) {
      console.log(filter.verbosity);
    }`;
  const { stdout, stderr } = spawnSync(process.execPath, onBuilt(source), {
    cwd: ROOT,
    encoding: 'utf8',
    env: { FILTER: 'b=loud' },
  });
  t.is(stdout, '2\n1\n1\n');
  t.deepEqual(
    stderr.split('\n').map((line) => line.replace(/:[^:]*;/, ':…;')),
    [
      'kvp-tracing: invalid filter directive "a=loud":…; it is ignored',
      'kvp-tracing: invalid filter directive "[s\\nx":…; it is ignored',
      'kvp-tracing: invalid filter directive "b=loud":…; it is ignored',
      '',
    ],
  );
});

test('an option takes a level, the text of an EnvFilter, a function or a filter', (t) => {
  const passes = (filter: FilterInput, target = 'agent') =>
    Object.values(Level).filter((level) => filterOf(filter).enabled(eventCallsites(target)[level])).length;
  t.is(passes('Info'), 3);
  t.is(passes('info,agent=debug'), 4);
  t.is(passes('agent::'), 0);
  t.is(
    passes(({ verbosity }) => verbosity < 3),
    2,
  );
  t.is(passes(new EnvFilter('warn')), 2);
  t.is(passes({ verbosity: 5, enabled: ({ level }) => level === 'TRACE' }), 1);
  const bad: [unknown, RegExp][] = [
    ['agent=loud', /^filter must be a level or a filter \(.*"loud" is no level.*\), not "agent=loud"$/],
    ['verbose', /^filter must be off, error, warn, info, debug, trace or a filter, not "verbose"$/],
    ['', /^filter must be off, .* not ""$/],
    [7, /^filter must be .* not 7$/],
    [null, /^filter must be .* not null$/],
    [{}, /^filter must be .* not an object$/],
  ];
  for (const [given, message] of bad) {
    t.throws(() => new Recorder({ filter: given as FilterInput }), { instanceOf: OptionError, message });
  }
});

/** Texts that look like filters, more or less. */
const texts = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.constantFrom(...'[]{}",=\\aé:-!*(|)?0', 'info', '[s{', '}]=') }),
);

test('for any text parse throws nothing but its own error, and the lenient constructor nothing', (t) => {
  const check = fc.property(texts, fc.boolean(), (text, regex) => {
    const problems: Error[] = [];
    const lenient = new EnvFilter(text, { regex, onProblem: (problem) => problems.push(problem) });
    try {
      const strict = EnvFilter.parse(text, { regex });
      t.is(problems.length, 0);
      t.is(strict.verbosity, strict.verbosity === 0 ? 0 : lenient.verbosity);
    } catch (error) {
      if (!(error instanceof FilterError)) throw error;
      t.true(text.includes(error.part));
      t.not(problems.length, 0);
    }
  });
  t.notThrows(() => fc.assert(check, { numRuns: 2000 }));
});

test('a quoted value of any length is read', (t) => {
  const value = 'x'.repeat(20_000_000);
  const filter = EnvFilter.parse(`[{a="${value}\\""}]=debug`);
  t.is(verbosityIn(filter, 'any'), 0);
  t.true(matches(`"${value}"`, value));
  t.false(matches(`"${value}"`, `${value}x`));
});

test('a long text of open braces or quotes takes no longer than others', (t) => {
  const started = processorTime();
  for (const text of ['{', '"', '[s{', '\\"', '{"', '}', ',']) {
    new EnvFilter(text.repeat(100_000), { onProblem: () => {} });
  }
  t.true(processorTime() - started < 5000);
});

import { inspect } from 'node:util';
import { runInNewContext } from 'node:vm';
import test from 'ava';
import { seen, spelled } from './helpers/redacted.ts';

const SECRET = 's3cret';

/** A secret whose name is a value that stands beside it. */
const NAMED_BESIDE: Record<string, object> = {
  'a name and a value': { header: { name: 'password', value: SECRET } },
  'a key and a value': { tag: { key: 'x-api-key', value: SECRET } },
  'in any case and order': { Tag: { Value: SECRET, Key: 'DB_PASSWORD' } },
  'in a list, as of HAR': {
    headers: [
      { name: 'Host', value: 'h' },
      { name: 'Authorization', value: SECRET },
    ],
  },
  'of a container': { spec: { env: [{ name: 'CLIENT_SECRET', value: SECRET }] } },
  'several values': { header: { key: 'Set-Cookie', values: [SECRET, SECRET] } },
  'a deep value': { attribute: { key: 'db.password', value: { stringValue: SECRET } } },
  'among the fields themselves': { key: 'adminPassword', value: SECRET },
  'in a Map': {
    m: new Map([
      ['name', 'token'],
      ['value', SECRET],
    ]),
  },
  'in an Error': { e: Object.assign(new Error('text'), { name: 'token', value: SECRET }) },
  'of another realm': { o: runInNewContext(`({ name: 'token', value: '${SECRET}' })`) as object },
  'behind a getter': {
    o: {
      name: 'token',
      get value() {
        return SECRET;
      },
    },
  },
  'without a prototype': {
    o: Object.assign(Object.create(null) as object, { name: 'token', value: SECRET }),
  },
  'a pair among pairs': { entries: [['authorization', SECRET]] },
  'a pair of another realm': { entries: [runInNewContext(`['authorization', '${SECRET}']`)] },
  'a list of another realm': { o: runInNewContext(`({ rawHeaders: ['cookie', '${SECRET}'] })`) as object },
  'a pair among fields that are given as a list': [['authorization', SECRET]],
  'a pair as the key of a Map': { m: new Map([[['authorization', SECRET], 1]]) },
  'a pair in a Set': { entries: new Set([['authorization', SECRET]]) },
  'raw headers': { req: { rawHeaders: ['Host', 'h', 'Authorization', SECRET, 'Cookie', SECRET] } },
  'raw headers as a field': { rawHeaders: ['authorization', SECRET] },
  'raw trailers': { res: { rawTrailers: ['x-auth-token', SECRET] } },
};

for (const [what, fields] of Object.entries(NAMED_BESIDE)) {
  test(`a secret is redacted whose name stands beside it: ${what}`, (t) => {
    const before = inspect(fields, { depth: 9 });
    const text = spelled(fields);
    t.false(text.includes(SECRET), text);
    t.true(text.includes('[redacted]'));
    t.is(inspect(fields, { depth: 9 }), before, 'what the caller holds stays as it is');
  });
}

test('of raw headers without end nothing is shown', (t) => {
  const rawHeaders = Array.from({ length: 1000 }, (_, i) => (i % 2 === 0 ? 'authorization' : SECRET));
  t.deepEqual(seen({ req: { rawHeaders } }), { req: { rawHeaders: '[unreadable]' } });
});

/** What has such names and is no secret. */
const VISIBLE: Record<string, object> = {
  'a harmless name': { header: { name: 'Host', value: 'h' } },
  'a name without a value': { volume: { name: 'password', type: 'secret' } },
  'a value without a name': { option: { label: 'Password', value: 'pw' } },
  'a name that is deeper': { o: { name: { text: 'password' }, value: 'v' } },
  'a boolean': { rule: { name: 'password', value: true } },
  'a kind': { node: { type: 'token', value: 'if' } },
  'names in a list': { allowed: ['Authorization', 'Content-Type'] },
  'names in a list of headers': { headers: ['Authorization', 'Content-Type'] },
  'a pair alone': { columns: ['password', 'salt'] },
  'three texts in a list': { rows: [['Host', 'password', 'salt']] },
  'one text in a list': { rows: [['password'], ['salt']] },
  'harmless raw headers': { req: { rawHeaders: ['Host', 'authorization', 'Accept', 'cookie'] } },
  'raw headers that are no list': { rawHeaders: { length: 2 } },
  fields: { name: 'agent', value: 5 },
};

for (const [what, fields] of Object.entries(VISIBLE)) {
  test(`what is no secret stays visible: ${what}`, (t) => {
    t.deepEqual(seen(fields), fields);
    // What holds a secret is looked through with more care.
    const beside = { password: SECRET };
    t.deepEqual(seen({ all: { fields, beside } }), { all: { fields, beside: { password: '[redacted]' } } });
  });
}

test('the names of the option count beside a value, too, and none does where nothing is redacted', (t) => {
  const fields = { o: { name: 'pin', value: SECRET }, p: { name: 'password', value: SECRET } };
  t.deepEqual(seen(fields, { redact: ['pin'] }), {
    o: { name: 'pin', value: '[redacted]' },
    p: { name: 'password', value: '[redacted]' },
  });
  t.deepEqual(seen(fields, { redact: { only: ['pin'] } })['p'], fields.p);
  t.deepEqual(seen(fields, { redact: false }), fields);
});

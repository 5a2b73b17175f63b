import { target } from 'kvp-tracing';

const log = target('my_agent::user');

export const createUser = log.instrument(
  { name: 'create_user', fields: ({ name }) => ({ name }) },
  async ({ name, keys }) => {
    if (!/^[a-z]+$/.test(name)) throw new Error('not a valid name');
    log.info({ key_count: keys.length }, 'keys written');
  },
);

// Makes the golden pool of __test__/fixtures/golden anew, by cloud-init itself (Debian's package).
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';

const golden = '__test__/fixtures/golden/cloud-init';
rmSync(`${golden}.kvp_pool`, { force: true });
execFileSync('/usr/bin/python3', ['__test__/helpers/writers/cloud-init-events.py', `${golden}.kvp_pool`], {
  input: readFileSync(`${golden}.json`),
  stdio: ['pipe', 'ignore', 'inherit'],
});

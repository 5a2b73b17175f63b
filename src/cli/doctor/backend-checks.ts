import { spawnSync } from 'node:child_process';
import { messageOf } from '../../errors.ts';
import { chooseBackend, nativeFailure } from '../../pool/binding.ts';
import { type Check, checkOf } from './check.ts';

/** Which writer is used, and whether it has what it needs. */
export function backendChecks(): Check[] {
  const check = backendCheck();
  return [check, flockCheck(check)];
}

function backendCheck(): Check {
  const { ok, warning, error } = checkOf('backend');
  try {
    const backend = chooseBackend({ quiet: true });
    if (backend === 'native') return ok('the native core is loaded');
    const failure = nativeFailure();
    if (failure === undefined) return ok('the writer in JavaScript, as KVP_TRACING_BACKEND demands');
    return warning(
      `the writer in JavaScript, because ${reasonOf(failure)}`,
      'npm rebuild kvp-tracing, or npm install without --omit=optional',
    );
  } catch (thrown) {
    return error(reasonOf(thrown), 'unset KVP_TRACING_BACKEND, or npm install without --omit=optional');
  }
}

/** The message of an error and those of its causes. */
function reasonOf(thrown: unknown): string {
  const reasons: string[] = [];
  for (let at = thrown; at instanceof Error && reasons.length < 4; at = at.cause) {
    const message = messageOf(at);
    if (!reasons.some((reason) => reason.includes(message))) reasons.push(message);
  }
  return reasons.join(': ');
}

function flockCheck({ message, status }: Check): Check {
  const { ok, error } = checkOf('flock');
  const isThere = spawnSync('flock', ['--version'], { stdio: 'ignore' }).error === undefined;
  if (isThere) return ok('the program flock is there');
  if (status === 'ok' && message.includes('native'))
    return ok('the program flock is not there, and not needed');
  return error(
    "the program flock is not there: without the native core records can't be removed",
    'apt-get install util-linux',
  );
}

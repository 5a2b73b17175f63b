import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { readDiagnosticsSync } from '../src/diagnostics/read/read-diagnostics.ts';
import { chooseBackend } from '../src/pool/binding.ts';
import { flockMissing, pythonMissing } from './helpers/lock-holder.ts';
import { folderOf, has, poolOf } from './helpers/pool-folder.ts';
import { ended, onBuilt, ROOT } from './helpers/programs.ts';

/** A guest service that keeps a key of its own in the pool: under `flock` it reads all and writes all anew. */
const REWRITER = `
import fcntl, select, sys, time
own, count = b"guest.own".ljust(512, b"\\0"), 0
while not select.select([sys.stdin], [], [], 0.004)[0]:
    with open(sys.argv[1], "r+b") as pool:
        fcntl.flock(pool, fcntl.LOCK_EX)
        data = pool.read()
        records = [data[i : i + 2560] for i in range(0, len(data), 2560)]
        time.sleep(0.001)
        count += 1
        kept = [record for record in records if record[:512] != own]
        pool.seek(0)
        pool.truncate()
        pool.write(b"".join(kept) + own + str(count).encode().ljust(2048, b"\\0"))
    if count == 1:
        print("rewrites", flush=True)
print(count, flush=True)
`;

/** Rewrites an empty pool from now on, until the returned function is called or the test ends. */
async function rewrite(t: ExecutionContext, path: string): Promise<() => Promise<void>> {
  writeFileSync(path, '');
  const child = spawn('python3', ['-c', REWRITER, path], { stdio: ['pipe', 'pipe', 'inherit'] });
  const closed = once(child, 'close');
  const end = async () => {
    child.stdin.end();
    await closed;
  };
  t.teardown(end);
  await once(child.stdout, 'data');
  return end;
}

const WRITER = `
  import { initializeTracing, info } from 'kvp-tracing';
  const [path, count, how, durability] = process.argv.slice(1);
  const kvp = { path, vmId: 'vm', durability };
  const tracing = await initializeTracing({ kvp, stderr: false });
  for (let i = 0; i < count; i++) {
    info(String(i));
    if (how === 'slowly') await new Promise((resolve) => setTimeout(resolve, 2));
  }
  process.on('exit', () => {
    if (how === 'exit') info(count);
    const { accepted, written, missing, dropped } = tracing.stats().EmitKVPLayer;
    console.log(JSON.stringify({ accepted, written, missing, dropped }));
  });
  if (how === 'exit') process.exit();
  await tracing.shutdown();`;

for (const [what, how, count, durability] of [
  ['a program that runs', 'slowly', 200, 'queued'],
  ['a program that exits', 'exit', 60, 'queued'],
  ['a program that writes through', 'slowly', 40, 'write-through'],
] as const) {
  test.serial(`a service that rewrites the pool under flock takes nothing from ${what}`, async (t) => {
    if (!has(t, flockMissing) || !has(t, pythonMissing)) return;
    const path = poolOf(t);
    const stop = await rewrite(t, path);
    const args = onBuilt(WRITER, path, `${count}`, how, durability);
    const { code, stdout, stderr } = await ended(spawn(process.execPath, args, { cwd: ROOT }));
    await stop();
    t.is(code, 0, stderr);
    const accepted = how === 'exit' ? count + 1 : count;
    t.deepEqual(JSON.parse(stdout), { accepted, written: accepted, missing: 0, dropped: {} }, stderr);
    const { diagnostics, problems } = readDiagnosticsSync(path);
    t.deepEqual(problems, []);
    t.deepEqual(
      diagnostics.map(({ message }) => message),
      Array.from({ length: accepted }, (_, i) => `${i}`),
    );
  });
}

test.serial(
  'without the program flock the fallback writes and says once that it takes no lock',
  async (t) => {
    if (chooseBackend() === 'native') return t.pass();
    const folder = folderOf(t);
    const [path, none] = [join(folder, 'pool'), join(folder, 'none')];
    mkdirSync(none);
    const env = { ...process.env, PATH: none };
    const args = onBuilt(WRITER, path, '60', 'slowly', 'queued');
    const { code, stderr } = await ended(spawn(process.execPath, args, { cwd: ROOT, env }));
    t.is(code, 0, stderr);
    t.regex(
      stderr,
      /^kvp-tracing: records are appended to .* without a lock, .*flock ENOENT .*util-linux\)\n$/,
    );
    t.is(readDiagnosticsSync(path).diagnostics.length, 60);
  },
);

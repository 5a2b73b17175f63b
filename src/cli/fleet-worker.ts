import { parentPort } from 'node:worker_threads';
import { rowOf } from './fleet/row.ts';

// A thread of `kvp fleet`: it gets paths, and sends a row for each. The first message says that it is there.
parentPort?.on('message', (path: string) => parentPort?.postMessage(rowOf(path)));
parentPort?.postMessage(undefined);

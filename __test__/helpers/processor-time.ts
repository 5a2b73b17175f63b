/**
 * Milliseconds of processor time that this process has taken: what bounds a computation, however much else the
 * machine has to do meanwhile.
 */
export function processorTime(): number {
  return process.cpuUsage().user / 1000;
}

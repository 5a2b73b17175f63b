/** A duration in the unit that fits: `40 µs`, `1.5 ms`, `120 ms`, `2.51 s`, `3 min 7 s`, `2 h 5 min`, `3 d 4 h`. */
export function durationText(seconds: number): string {
  const milliseconds = seconds * 1000;
  if (milliseconds === 0) return '0 ms';
  if (milliseconds < 0.1) return `${Math.max(1, Math.round(milliseconds * 1000))} µs`;
  if (milliseconds < 99.95) return `${milliseconds.toFixed(1)} ms`;
  if (milliseconds < 999.5) return `${Math.round(milliseconds)} ms`;
  if (seconds < 59.995) return `${seconds.toFixed(2)} s`;
  const whole = Math.round(seconds);
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${whole % 60} s`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** Marks that say by their shape what a color says too. */
const PATHS = {
  success: 'M3 8.5l3.2 3.2L13 4.8',
  fail: 'M4 4l8 8M12 4l-8 8',
  unfinished: 'M2.5 8h2.2M7 8h2M11.3 8h2.2',
  unknown: 'M8 7.9v.2',
  warning: 'M8 3.5v5M8 11.6v.4',
} as const;

export type IconName = keyof typeof PATHS;

const LABELS: Record<IconName, string> = {
  success: 'succeeded',
  fail: 'failed',
  unfinished: 'did not end',
  unknown: 'no result',
  warning: 'warning',
};

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class={`icon ${name}`} viewBox="0 0 16 16" role="img" aria-label={LABELS[name]}>
      <path d={PATHS[name]} />
    </svg>
  );
}

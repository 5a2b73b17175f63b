import { useState } from 'preact/hooks';
import type { Zone } from '../texts.ts';
import { applyTheme, keepChoice, keptChoice, type Theme, THEMES } from './state.ts';

/** What the reader chooses for the whole page: the zone of times, and light or dark. */
export function Settings({ zone, onZone }: { zone: Zone; onZone: (zone: Zone) => void }) {
  const [theme, setTheme] = useState<Theme>(() => keptChoice('theme', THEMES));
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return (
    <>
      <label>
        Times{' '}
        <select
          value={zone}
          onChange={({ currentTarget: { value } }) => {
            keepChoice('zone', value);
            onZone(value as Zone);
          }}
        >
          <option value="utc">in UTC</option>
          <option value="local">here ({own})</option>
        </select>
      </label>
      <label>
        Colors{' '}
        <select
          value={theme}
          onChange={({ currentTarget: { value } }) => {
            keepChoice('theme', value);
            applyTheme(value as Theme);
            setTheme(value as Theme);
          }}
        >
          <option value="system">of the system</option>
          <option value="light">light</option>
          <option value="dark">dark</option>
        </select>
      </label>
    </>
  );
}

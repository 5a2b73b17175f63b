import { useState } from 'preact/hooks';
import type { Zone } from '../texts.ts';
import { Choice } from './choice.tsx';
import { applyTheme, keepChoice, keptChoice, type Theme, THEMES } from './state.ts';

/** What the reader chooses for the whole page: the zone of times, and light or dark. */
export function Settings({ zone, onZone }: { zone: Zone; onZone: (zone: Zone) => void }) {
  const [theme, setTheme] = useState<Theme>(() => keptChoice('theme', THEMES));
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return (
    <>
      <label>
        Times{' '}
        <Choice
          label="Times"
          value={zone}
          options={{ utc: 'in UTC', local: `here (${own})` }}
          onChoice={(chosen) => {
            keepChoice('zone', chosen);
            onZone(chosen);
          }}
        />
      </label>
      <label>
        Colors{' '}
        <Choice
          label="Colors"
          value={theme}
          options={{ system: 'of the system', light: 'light', dark: 'dark' }}
          onChoice={(chosen) => {
            keepChoice('theme', chosen);
            applyTheme(chosen);
            setTheme(chosen);
          }}
        />
      </label>
    </>
  );
}

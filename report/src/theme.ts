// Light or dark: as the system says until the reader says otherwise.
import { element } from './dom.js';

type Theme = 'light' | 'dark';

const key = 'ocellus-report-theme';
const system = window.matchMedia('(prefers-color-scheme: dark)');

/** Files opened from disk may have no storage; the choice then holds until the page is closed. */
function stored(): Theme | undefined {
  try {
    const value = window.localStorage.getItem(key);
    return value === 'light' || value === 'dark' ? value : undefined;
  } catch {
    return undefined;
  }
}

function store(theme: Theme): void {
  try {
    window.localStorage.setItem(key, theme);
  } catch {
    // see above
  }
}

export function themeToggle(): HTMLButtonElement {
  let chosen = stored();
  const current = (): Theme => chosen ?? (system.matches ? 'dark' : 'light');
  const toggle = element('button', { type: 'button', class: 'plain', id: 'theme' });
  const show = () => {
    if (chosen) document.documentElement.dataset.theme = chosen;
    toggle.textContent = current() === 'dark' ? 'Light colours' : 'Dark colours';
  };
  toggle.addEventListener('click', () => {
    chosen = current() === 'dark' ? 'light' : 'dark';
    store(chosen);
    show();
  });
  system.addEventListener('change', show);
  show();
  return toggle;
}

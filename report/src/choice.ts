// One of few: buttons beside each other (the chosen one pressed), and tabs with their panel.
import { button, type Child, element } from './dom.js';

export function choice<T extends string>(
  label: string,
  options: readonly (readonly [T, string])[],
  chosen: T,
  choose: (value: T) => void,
): HTMLElement {
  return element(
    'div',
    { class: 'choice', role: 'group', 'aria-label': label },
    options.map(([value, text]) =>
      button(`${label}-${value}`, { 'aria-pressed': String(value === chosen), onclick: () => choose(value) }, text),
    ),
  );
}

export interface Tab {
  readonly title: Child;
  content(): readonly Child[];
}

/** Arrow keys, Home and End move between tabs; only the chosen one is in the order of Tab. */
export function tabs(
  key: string,
  label: string,
  items: readonly Tab[],
  chosen: number,
  choose: (place: number) => void,
): HTMLElement {
  const chosenId = `${key}-tab-${chosen}`;
  const onkeydown = (event: KeyboardEvent) => {
    const places: Record<string, number> = {
      ArrowRight: chosen + 1,
      ArrowLeft: chosen - 1,
      Home: 0,
      End: items.length - 1,
    };
    const place = places[event.key];
    if (place === undefined) return;
    event.preventDefault();
    choose((place + items.length) % items.length);
    document.getElementById(`${key}-tab-${(place + items.length) % items.length}`)?.focus();
  };
  const list = items.map(({ title }, place) =>
    button(
      `${key}-${place}`,
      {
        id: `${key}-tab-${place}`,
        role: 'tab',
        'aria-selected': String(place === chosen),
        'aria-controls': place === chosen ? `${key}-panel` : undefined,
        tabindex: place === chosen ? 0 : -1,
        onclick: () => choose(place),
      },
      title,
    ),
  );
  return element(
    'div',
    { class: 'tabs' },
    element('div', { role: 'tablist', 'aria-label': label, onkeydown, 'data-key': `${key}-list` }, list),
    element(
      'div',
      { id: `${key}-panel`, role: 'tabpanel', 'aria-labelledby': chosenId, tabindex: 0, 'data-key': `${key}-panel` },
      items[chosen].content(),
    ),
  );
}

// Elements made from text: nothing that comes from the data is ever read as markup.

export type Child = Node | string | number | false | null | undefined | readonly Child[];

type Handler = (event: never) => void;

/** Names as in HTML; `on…` are listeners, `variables` are custom properties of CSS; false and undefined leave out. */
export interface Attributes {
  readonly variables?: Readonly<Record<string, string>>;
  readonly [name: string]: string | number | boolean | undefined | Handler | Readonly<Record<string, string>>;
}

export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    if (typeof value === 'function') made.addEventListener(name.slice(2), value as EventListener);
    else if (typeof value === 'object') for (const key of Object.keys(value)) made.style.setProperty(key, value[key]);
    else made.setAttribute(name, value === true ? '' : String(value));
  }
  append(made, children);
  return made;
}

export function append(parent: Node, children: readonly Child[]): void {
  for (const child of children) {
    if (child === false || child === null || child === undefined) continue;
    if (Array.isArray(child)) append(parent, child);
    else parent.appendChild(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

/** A name from outside: its direction of writing does not spill over, and long ones end in dots with the rest on hover. */
export function nameOf(text: string, className = 'name'): HTMLElement {
  return element('bdi', { class: className, title: text }, text === '' ? '(no name)' : text);
}

/** The pictures of a report are data URIs; anything else is named instead of loaded. */
export function picture(uri: string, alternative: string, className = ''): HTMLElement {
  if (!/^data:image\/(png|jpeg|webp|gif|avif);base64,/.test(uri)) {
    return element('span', { class: `no-picture ${className}`, role: 'img', 'aria-label': alternative }, 'no picture');
  }
  const image = element('img', { alt: alternative, class: className, decoding: 'async', src: uri });
  const markSmall = () => image.classList.toggle('small', image.naturalWidth > 0 && image.naturalWidth <= 96);
  image.addEventListener('load', markSmall, { once: true });
  return image;
}

/** A paragraph that tells what a panel shows, or why it shows nothing. */
export const sentence = (...children: Child[]): HTMLElement => element('p', { class: 'lead' }, ...children);

export const note = (...children: Child[]): HTMLElement => element('p', { class: 'note' }, ...children);

/** What is wide scrolls inside, and can be reached by keyboard for it. */
export function scroller(label: string, key: string, ...children: Child[]): HTMLElement {
  const attributes = { class: 'scroller', role: 'region', 'aria-label': label, tabindex: 0, 'data-key': key };
  return element('div', attributes, ...children);
}

export function button(key: string, attributes: Attributes, ...children: Child[]): HTMLButtonElement {
  return element('button', { type: 'button', 'data-key': key, ...attributes }, ...children);
}

// The one dialog of the page. Escape, the button and a click beside it close it; focus goes back to where it came from,
// even when that was drawn anew meanwhile.
import { append, button, type Child, element } from './dom.js';

interface Viewer {
  readonly dialog: HTMLDialogElement;
  returnFocus(): void;
}

let current: Viewer | undefined;

function origin(): () => void {
  const opener = document.activeElement as HTMLElement | null;
  const panel = opener?.closest('section')?.id;
  const key = opener?.dataset.key;
  return () => {
    const again = panel && key ? document.querySelector(`#${panel} [data-key="${CSS.escape(key)}"]`) : null;
    const target = opener?.isConnected ? opener : (again as HTMLElement | null);
    target?.focus();
  };
}

/** Takes the place of a dialog that is open. */
export function openViewer(title: Child, content: readonly Child[], onKey?: (event: KeyboardEvent) => void): void {
  const before = current;
  const returnFocus = before?.returnFocus ?? origin();
  const dialog = element(
    'dialog',
    { class: 'viewer', 'aria-labelledby': 'viewer-title' },
    element(
      'div',
      { class: 'viewer-box' },
      element(
        'div',
        { class: 'viewer-top' },
        element('h2', { id: 'viewer-title' }, title),
        button('viewer-close', { class: 'plain', onclick: () => dialog.close() }, 'Close'),
      ),
    ),
  );
  append(dialog.firstChild as Node, content);
  dialog.addEventListener('click', (event) => event.target === dialog && dialog.close());
  if (onKey) dialog.addEventListener('keydown', onKey);
  dialog.addEventListener('close', () => {
    dialog.remove();
    if (current?.dialog !== dialog) return;
    current = undefined;
    returnFocus();
  });
  current = { dialog, returnFocus };
  before?.dialog.close();
  before?.dialog.remove();
  document.body.appendChild(dialog);
  dialog.showModal();
}

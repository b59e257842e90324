// The one dialog of the page. Escape, the button and a click beside it close it; focus goes back to where it came from,
// even when that was drawn anew meanwhile.
import { append, button, type Child, element } from './dom.js';

let dialog: HTMLDialogElement | undefined;

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

export function openViewer(title: string, content: readonly Child[], onKey?: (event: KeyboardEvent) => void): void {
  dialog?.close();
  const returnFocus = origin();
  const made = element(
    'dialog',
    { class: 'viewer', 'aria-labelledby': 'viewer-title' },
    element(
      'div',
      { class: 'viewer-box' },
      element(
        'div',
        { class: 'viewer-top' },
        element('h2', { id: 'viewer-title' }, title),
        button('viewer-close', { class: 'plain', onclick: () => made.close() }, 'Close'),
      ),
    ),
  );
  append(made.firstChild as Node, content);
  made.addEventListener('click', (event) => event.target === made && made.close());
  if (onKey) made.addEventListener('keydown', onKey);
  made.addEventListener('close', () => {
    made.remove();
    if (dialog === made) dialog = undefined;
    returnFocus();
  });
  dialog = made;
  document.body.appendChild(made);
  made.showModal();
}

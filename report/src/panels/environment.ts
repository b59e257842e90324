// What it ran on, with which settings, and how to run it again.
import type { Environment } from '../../../src/report/data.js';
import { button, type Child, element, nameOf, note, scroller, sentence } from '../dom.js';
import { counted } from '../format.js';
import type { Panel } from '../panel.js';

/** By the clipboard of the browser, or the older way where a page from disk may not use it. */
async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = element('textarea', { class: 'hidden', 'aria-hidden': 'true' });
    area.value = text;
    document.body.appendChild(area);
    area.select();
    const copied = document.execCommand('copy');
    area.remove();
    return copied;
  }
}

function commands(lines: readonly string[]): Child[] {
  const status = element('span', { class: 'status', role: 'status' });
  const text = lines.join('\n');
  const copyAll = button(
    'copy',
    {
      class: 'plain',
      onclick: async () => {
        const copied = await copy(text);
        copyAll.focus();
        status.textContent = copied ? 'Copied.' : 'The browser does not allow it: mark the text and copy it by hand.';
      },
    },
    'Copy',
  );
  return [
    scroller('Commands that make this run again', 'commands', element('pre', {}, element('code', {}, text))),
    element('p', { class: 'tools' }, copyAll, status),
  ];
}

function facts(rows: readonly (readonly [string, string])[]): HTMLElement {
  return element(
    'dl',
    { class: 'facts' },
    rows.map(([term, value]) => [element('dt', {}, nameOf(term)), element('dd', {}, nameOf(value, 'name whole'))]),
  );
}

const rowsOf = ({
  ocellus,
  node,
  platform,
  cpu,
  backend,
  isa,
  threads,
  seed,
}: Environment): (readonly [string, string])[] => [
  ['Ocellus', ocellus],
  ['Node', node],
  ['System', platform],
  ['Processor', cpu],
  ['Backend', `${backend}${isa ? `, ${isa}` : ''}, ${counted(threads, 'thread')}`],
  ['Seed', String(seed)],
];

export const environment: Panel = {
  id: 'environment',
  title: 'Environment and how to reproduce',
  wide: true,
  part: (data) => [data.environment, data.settings],
  draw: ({ environment: machine, settings }) => {
    const chosen = Object.entries(settings).map(([name, value]) => [name, String(value)] as const);
    return [
      sentence('The same seed on the same data gives the same run, whatever the number of threads.'),
      machine.reproduce.length === 0 ? note('No commands were kept.') : commands(machine.reproduce),
      element(
        'div',
        { class: 'columns' },
        element('div', {}, element('h3', {}, 'Machine'), facts(rowsOf(machine))),
        element(
          'div',
          {},
          element('h3', {}, 'Settings'),
          chosen.length === 0 ? note('Nothing was set.') : facts(chosen),
        ),
      ),
    ];
  },
};

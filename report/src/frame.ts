// What stands around the panels: the head with title and state, and the way to each panel.
import type { ReportData } from '../../src/report/data.js';
import { element, nameOf } from './dom.js';
import { moment } from './format.js';
import type { LiveState } from './live.js';
import type { Panel } from './panel.js';
import { themeToggle } from './theme.js';

export interface Frame {
  readonly parts: readonly HTMLElement[];
  update(data: ReportData): void;
  tell(state: LiveState): void;
}

const stateWords: Record<LiveState, string> = {
  connecting: 'Connecting …',
  live: 'Live: training runs',
  disconnected: 'Disconnected: this is the last that was heard',
  finished: 'Finished',
};

function navigation(panels: readonly Panel[], sections: readonly HTMLElement[]): HTMLElement {
  const links = panels.map(({ id, title }) => element('a', { href: `#${id}` }, title));
  const bar = element(
    'nav',
    { 'aria-label': 'Panels' },
    element(
      'ul',
      {},
      links.map((link) => element('li', {}, link)),
    ),
  );
  const mark = (current: number) => {
    links.forEach((link, place) => {
      if (place === current) link.setAttribute('aria-current', 'true');
      else link.removeAttribute('aria-current');
    });
    const link = links[current];
    if (link) bar.scrollTo({ left: link.offsetLeft - 40, top: link.offsetTop - bar.clientHeight / 2 });
  };
  const visible = new Set<Element>();
  const observer = new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting } of entries) {
        if (isIntersecting) visible.add(target);
        else visible.delete(target);
      }
      mark(sections.findIndex((section) => visible.has(section)));
    },
    { rootMargin: '-80px 0px -55% 0px' },
  );
  for (const section of sections) observer.observe(section);
  return bar;
}

export function frame(panels: readonly Panel[], sections: readonly HTMLElement[]): Frame {
  const title = element('h1');
  const made = element('p', { class: 'made' });
  const status = element('p', { class: 'live', role: 'status' });
  const head = element(
    'header',
    { class: 'head' },
    element('div', { class: 'titles' }, title, made),
    element('div', { class: 'head-tools' }, status, themeToggle()),
  );
  const skip = element('a', { class: 'skip', href: '#report-panels' }, 'Skip to the panels');
  const main = element('main', { id: 'report-panels', tabindex: -1 }, sections);
  const foot = element('footer', {}, 'Made by Ocellus. This file needs no network and sends nothing.');
  const layout = element('div', { class: 'layout' }, navigation(panels, sections), main);
  return {
    parts: [skip, head, layout, foot],
    update: (data) => {
      title.replaceChildren(nameOf(data.title, 'name whole'));
      made.replaceChildren('Report of ', element('time', { datetime: data.created }, moment(data.created)));
      document.title = `${data.title} – Ocellus report`;
    },
    tell: (state) => {
      status.dataset.state = state;
      status.replaceChildren(element('span', { class: 'pulse', 'aria-hidden': 'true' }), stateWords[state]);
    },
  };
}

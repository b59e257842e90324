// The page: reads its data, shows the panels, and takes newer data while training runs.
import type { ReportData } from '../../src/report/data.js';
import { element } from './dom.js';
import { frame } from './frame.js';
import { listen } from './live.js';
import { showPanel } from './panel.js';
import { activation } from './panels/activation.js';
import { classesPanel } from './panels/classes.js';
import { confusedPairs } from './panels/confused.js';
import { confusionPanel } from './panels/confusion.js';
import { curvesPanel } from './panels/curves.js';
import { datasetPanel } from './panels/dataset.js';
import { environment } from './panels/environment.js';
import { featuresPanel } from './panels/features.js';
import { filtersPanel } from './panels/filters.js';
import { layersPanel } from './panels/layers.js';
import { lossesPanel, rightPanel } from './panels/losses.js';
import { reliability } from './panels/reliability.js';
import { summary } from './panels/summary.js';

const panels = [
  summary,
  lossesPanel(),
  confusedPairs,
  curvesPanel(),
  confusionPanel(),
  classesPanel(),
  reliability,
  rightPanel(),
  filtersPanel(),
  featuresPanel(),
  activation,
  layersPanel(),
  datasetPanel(),
  environment,
];

const format = 1;

function readData(): ReportData | undefined {
  const text = document.getElementById('report-data')?.textContent ?? 'null';
  const data: ReportData | null = JSON.parse(text);
  return data?.version === format ? data : undefined;
}

function start(root: HTMLElement): void {
  const data = readData();
  if (!data) {
    root.append(
      element(
        'main',
        { class: 'empty' },
        element('h1', {}, 'Ocellus report'),
        element('p', {}, 'There is no data in this file that this page can read.'),
      ),
    );
    return;
  }
  const views = panels.map(showPanel);
  const page = frame(
    panels,
    views.map(({ section }) => section),
  );
  const apply = (next: ReportData) => {
    page.update(next);
    for (const view of views) view.update(next);
  };
  root.append(...page.parts);
  apply(data);
  if (data.live) listen(apply, page.tell);
}

start(document.getElementById('report') as HTMLElement);

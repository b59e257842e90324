// What each layer costs.
import type { LayerRow, ReportData } from '../../../src/report/data.js';
import { element, nameOf, note, sentence } from '../dom.js';
import { bytes, count, counted, dash, isKnown, large, milliseconds } from '../format.js';
import type { Panel } from '../panel.js';
import { type Column, sortableTable } from '../sortable.js';

/** Rows stay in their order until the reader sorts them. */
const unsorted = -1;

const shapeText = (shape: LayerRow['outputShape']) => shape.filter((size) => size !== null).join(' × ');
const sum = (numbers: readonly (number | undefined)[]) =>
  numbers.filter(isKnown).reduce((total, value) => total + value, 0);

/** The type stands below names that do not say it. */
function layerCell({ name, type }: LayerRow): HTMLElement {
  const saysType = name.split('/').at(-1)?.startsWith(type);
  return element('div', {}, nameOf(name), saysType ? '' : element('small', {}, element('br', {}), type));
}

function columnsOf(layers: readonly LayerRow[]): Column<LayerRow>[] {
  const most = (read: (row: LayerRow) => number | undefined) =>
    Math.max(Number.MIN_VALUE, ...layers.map(read).filter(isKnown));
  const [slowest, heaviest] = [most((row) => row.milliseconds), most((row) => row.bytes)];
  const shareOf = (value: number | undefined, largest: number) => (isKnown(value) ? value / largest : undefined);
  return [
    { title: 'Layer', isText: true, value: ({ name }) => name, cell: layerCell },
    {
      title: 'Output',
      isText: true,
      value: ({ outputShape }) => sum(outputShape.map((size) => size ?? 0)),
      cell: ({ outputShape }) => shapeText(outputShape),
    },
    { title: 'Parameters', value: ({ parameters }) => parameters, cell: ({ parameters }) => count(parameters) },
    { title: 'Multiply-adds', value: ({ macs }) => macs, cell: ({ macs }) => large(macs) },
    {
      title: 'Receptive field',
      value: ({ receptiveField }) => receptiveField,
      cell: ({ receptiveField }) => (isKnown(receptiveField) ? `${count(receptiveField)} px` : dash),
    },
    {
      title: 'Memory',
      value: (row) => row.bytes,
      cell: (row) => bytes(row.bytes),
      share: (row) => shareOf(row.bytes, heaviest),
    },
    {
      title: 'Time',
      value: (row) => row.milliseconds,
      cell: (row) => milliseconds(row.milliseconds),
      share: (row) => shareOf(row.milliseconds, slowest),
    },
    {
      title: 'Algorithm',
      isText: true,
      value: ({ algorithm }) => algorithm ?? '',
      cell: ({ algorithm }) => algorithm ?? dash,
    },
  ];
}

function totals(layers: readonly LayerRow[]): HTMLElement[] {
  const cell = (text = '') => element('td', {}, text);
  const times = layers.map((row) => row.milliseconds).filter(isKnown);
  return [
    element('th', { scope: 'row', class: 'text' }, 'Sum'),
    cell(),
    cell(count(sum(layers.map(({ parameters }) => parameters)))),
    cell(large(sum(layers.map(({ macs }) => macs)))),
    cell(),
    cell(bytes(sum(layers.map((row) => row.bytes)))),
    cell(times.length > 0 ? milliseconds(sum(times)) : dash),
    cell(),
  ];
}

function timeWords({ timedBatch, layers }: ReportData): string {
  if (!layers.some((row) => isKnown(row.milliseconds))) return 'No prediction was timed.';
  const of = timedBatch === undefined ? 'one prediction' : `one prediction of ${counted(timedBatch, 'image')}`;
  return `Time is that of ${of}; layers without a time were taken into the one before them.`;
}

export function layersPanel(): Panel {
  const order = { column: unsorted, descending: false };
  return {
    id: 'layers',
    title: 'Layers',
    wide: true,
    part: ({ layers, timedBatch }) => [layers, timedBatch],
    draw: (data, redraw) => {
      const { layers } = data;
      if (layers.length === 0) return [sentence('The layers are not known yet.')];
      const columns = columnsOf(layers);
      return [
        sentence(
          'Where parameters, memory and time go. Memory and multiply-adds are those of one image, k is a thousand, M a million; the receptive field is the part of the image that one output sees.',
        ),
        sortableTable({ key: 'layers', label: 'Layers', rows: layers, columns, order, footer: totals(layers), redraw }),
        note(timeWords(data)),
      ];
    },
  };
}

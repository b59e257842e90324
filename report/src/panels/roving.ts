// One stop of Tab for a whole grid: arrow keys, Home and End move inside it, Enter, Space and a click choose.

/** Cells are all elements with `data-cell`, row by row, `columns` to a row. */
export function roving(grid: HTMLElement, columns: number, choose: (cell: HTMLElement) => void): void {
  const cells = [...grid.querySelectorAll<HTMLElement>('[data-cell]')];
  let current = 0;
  if (cells.length > 0) cells[0].tabIndex = 0;

  const makeCurrent = (place: number) => {
    cells[current].tabIndex = -1;
    current = place;
    cells[current].tabIndex = 0;
  };
  const cellAt = (event: Event) => cells.indexOf((event.target as Element).closest('[data-cell]') as HTMLElement);

  grid.addEventListener('focusin', (event) => {
    const place = cellAt(event);
    if (place >= 0) makeCurrent(place);
  });
  grid.addEventListener('click', (event) => {
    const place = cellAt(event);
    if (place < 0) return;
    cells[place].focus({ preventScroll: true });
    choose(cells[place]);
  });
  grid.addEventListener('keydown', (event) => {
    const place = cellAt(event);
    if (place < 0) return;
    if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault();
      return choose(cells[place]);
    }
    const next = target(event, place, columns, cells.length);
    if (next === undefined) return;
    event.preventDefault();
    cells[next].focus();
  });
}

function target(event: KeyboardEvent, place: number, columns: number, cells: number): number | undefined {
  const column = place % columns;
  const rowStart = place - column;
  switch (event.key) {
    case 'ArrowRight':
      return column < columns - 1 ? place + 1 : place;
    case 'ArrowLeft':
      return column > 0 ? place - 1 : place;
    case 'ArrowDown':
      return place + columns < cells ? place + columns : place;
    case 'ArrowUp':
      return place >= columns ? place - columns : place;
    case 'Home':
      return event.ctrlKey ? 0 : rowStart;
    case 'End':
      return event.ctrlKey ? cells - 1 : rowStart + columns - 1;
    default:
      return undefined;
  }
}

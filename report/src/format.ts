// Numbers as people read them. What is not finite arrived as null and is written as a dash.

export type MaybeNumber = number | null | undefined;

export const dash = '–';
const minus = '−';

export const isKnown = (value: MaybeNumber): value is number => typeof value === 'number' && Number.isFinite(value);

const grouped = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

export const count = (value: MaybeNumber): string => (isKnown(value) ? grouped.format(value) : dash);

export const counted = (value: number, one: string, many = `${one}s`): string =>
  `${count(value)} ${value === 1 ? one : many}`;

export function percent(value: MaybeNumber, digits = 1): string {
  if (!isKnown(value)) return dash;
  const text = (value * 100).toFixed(digits);
  return `${digits > 0 && Number(text) === 100 ? '100' : text}\u00a0%`;
}

/** Three figures, with an exponent only where zeros would be many. */
export function figures(value: MaybeNumber, digits = 3): string {
  if (!isKnown(value)) return dash;
  const size = Math.abs(value);
  if (value === 0) return '0';
  if (size >= 10 ** digits && size < 1e6) return grouped.format(value).replace('-', minus);
  const rounded = Number(value.toPrecision(digits));
  const text = size < 1e-4 || size >= 1e6 ? rounded.toExponential().replace('e+', 'e') : String(rounded);
  return text.replaceAll('-', minus);
}

export function duration(seconds: MaybeNumber): string {
  if (!isKnown(seconds)) return dash;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.round((whole % 3600) / 60)} min`;
}

const withUnits = (units: readonly string[]) => (value: MaybeNumber) => {
  if (!isKnown(value)) return dash;
  let [scaled, unit] = [value, 0];
  while (scaled >= 999.5 && unit < units.length - 1) [scaled, unit] = [scaled / 1000, unit + 1];
  return `${unit === 0 ? count(scaled) : String(Number(scaled.toPrecision(3)))} ${units[unit]}`.trim();
};

export const bytes = withUnits(['B', 'kB', 'MB', 'GB', 'TB']);
/** SI prefixes alone: 4.72 M. */
export const large = withUnits(['', 'k', 'M', 'G', 'T']);

export function milliseconds(value: MaybeNumber): string {
  if (!isKnown(value)) return dash;
  return value >= 100 ? `${count(value)} ms` : `${figures(value)} ms`;
}

/** `1, 2 and 3`, cut after `most`. */
export function listed(items: readonly (string | number)[], most = 12): string {
  const shown = items.slice(0, most).map(String);
  if (items.length > most) return `${shown.join(', ')} and ${items.length - most} more`;
  if (shown.length < 2) return shown.join('');
  return `${shown.slice(0, -1).join(', ')} and ${shown[shown.length - 1]}`;
}

/** Whole numbers in order, with `a to b` for three or more in a row. */
export function spans(numbers: readonly number[]): string[] {
  const found: string[] = [];
  for (let i = 0; i < numbers.length; ) {
    let end = i;
    while (numbers[end + 1] === numbers[end] + 1) end++;
    if (end - i >= 2) found.push(`${numbers[i]} to ${numbers[end]}`);
    else found.push(...numbers.slice(i, end + 1).map(String));
    i = end + 1;
  }
  return found;
}

/** `valLoss` as words: `validation loss`. */
export function metricWords(name: string): string {
  const words = name.replace(
    /([a-z0-9])([A-Z])/g,
    (_, before: string, next: string) => `${before} ${next.toLowerCase()}`,
  );
  return words.replace(/^val /, 'validation ');
}

export const capitalized = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

export function moment(iso: string): string {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return iso;
  return new Intl.DateTimeFormat('en', { dateStyle: 'long', timeStyle: 'short' }).format(date);
}

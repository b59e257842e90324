// One error class, one sentence: `<where>: expected <rule>, got <value>`, then a help line where the fix is known.

export type ErrorCode =
  | 'ERR_OCELLUS_SHAPE'
  | 'ERR_OCELLUS_ARGUMENT'
  | 'ERR_OCELLUS_OPTION'
  | 'ERR_OCELLUS_DATA'
  | 'ERR_OCELLUS_STATE'
  | 'ERR_OCELLUS_GRADIENT'
  | 'ERR_OCELLUS_FORMAT'
  | 'ERR_OCELLUS_PLAN'
  | 'ERR_OCELLUS_NATIVE'
  | 'ERR_OCELLUS_BUSY';

export interface ErrorDetails {
  /** What the message starts with: an op, a layer, a file, an option. */
  where: string;
  expected: string;
  got: unknown;
  help?: string;
  cause?: unknown;
}

/**
 * The only error class Ocellus throws. `code` is stable, the message is for people.
 *
 * @example
 * try { layers.conv2d({ filters: -1, kernelSize: 3 }); }
 * catch (error) { if (error instanceof OcellusError) console.log(error.code, error.help); }
 */
export class OcellusError extends Error {
  readonly code: ErrorCode;
  readonly where: string;
  readonly expected: string;
  readonly got: unknown;
  readonly help: string | undefined;

  constructor(code: ErrorCode, details: ErrorDetails) {
    const { where, expected, got, help, cause } = details;
    const sentence = `${where}: expected ${expected}, got ${describe(got)}`;
    super(help ? `${sentence}\n  help: ${help}` : sentence, cause === undefined ? undefined : { cause });
    this.name = 'OcellusError';
    this.code = code;
    this.where = where;
    this.expected = expected;
    this.got = got;
    this.help = help;
  }
}

/** Throws unless `condition` holds. */
export function check(condition: unknown, code: ErrorCode, details: () => ErrorDetails): asserts condition {
  if (!condition) throw new OcellusError(code, details());
}

function describe(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || value === null || value === undefined) return String(value);
  if (ArrayBuffer.isView(value)) return `${value.constructor.name}(${(value as Uint8Array).length})`;
  if (Array.isArray(value) && value.length > 16) return `an array of ${value.length}`;
  try {
    const text = JSON.stringify(value);
    return text === undefined ? typeof value : text.length > 200 ? `${text.slice(0, 200)}…` : text;
  } catch {
    return typeof value;
  }
}

/** The nearest of `known` to a mistyped `name`, or undefined when nothing is near. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(name.length / 3)) + 1;
  for (const candidate of known) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Rejects option names that are not known, with a suggestion. */
export function checkOptions(where: string, options: object, known: readonly string[]): void {
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue;
    const suggestion = nearest(name, known);
    throw new OcellusError('ERR_OCELLUS_OPTION', {
      where,
      expected: `one of the options ${known.join(', ')}`,
      got: `'${name}'`,
      help: suggestion ? `did you mean '${suggestion}'?` : undefined,
    });
  }
}

/** Looks `name` up in a table of names, with a suggestion when it is not there. */
export function checkName<T>(where: string, name: string, table: Readonly<Record<string, T>>): T {
  if (Object.hasOwn(table, name)) return table[name];
  const known = Object.keys(table);
  const suggestion = nearest(String(name), known);
  throw new OcellusError('ERR_OCELLUS_OPTION', {
    where,
    expected: `one of ${known.join(', ')}`,
    got: `'${String(name)}'`,
    help: suggestion ? `did you mean '${suggestion}'?` : undefined,
  });
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, row[j] + 1, next[j - 1] + 1));
    }
    row = next;
  }
  return row[b.length];
}

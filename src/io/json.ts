// What JSON.parse does not tell: whether a text names a key twice in one object, or nests too deep.

/**
 * Scans a JSON text, which need not be valid, for a key that occurs twice in one object ("a" and "\u0061" are the same
 * key) and for nesting deeper than `maxDepth`. Returns a sentence about the first such place, or undefined.
 *
 * @example
 * duplicateKey('{"a": 1, "a": 2}', 4); // "the name 'a' twice"
 */
export function duplicateKey(text: string, maxDepth: number): string | undefined {
  // One entry per open bracket: the keys of an object so far, or null for an array.
  const open: (Set<string> | null)[] = [];
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (char === '{' || char === '[') {
      if (open.length === maxDepth) return `brackets ${maxDepth + 1} deep`;
      open.push(char === '{' ? new Set() : null);
    } else if (char === '}' || char === ']') {
      open.pop();
    } else if (char === '"') {
      const end = endOfString(text, at);
      const keys = open.at(-1);
      if (keys && isKey(text, end)) {
        const key = unescapeKey(text.slice(at, end));
        if (keys.has(key)) return `the name '${key.slice(0, 80)}' twice`;
        keys.add(key);
      }
      at = end - 1;
    }
  }
  return undefined;
}

/** Index past the closing quote of the string that opens at `start`; the text's end when it is not closed. */
function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === '"') return at + 1;
  }
  return text.length;
}

function isKey(text: string, end: number): boolean {
  let at = end;
  while (text[at] === ' ' || text[at] === '\n' || text[at] === '\r' || text[at] === '\t') at++;
  return text[at] === ':';
}

/** The string behind the quotes; text that is no valid JSON string stands for itself, the parser rejects it later. */
function unescapeKey(quoted: string): string {
  if (!quoted.includes('\\')) return quoted.slice(1, -1);
  try {
    return JSON.parse(quoted) as string;
  } catch {
    return quoted;
  }
}

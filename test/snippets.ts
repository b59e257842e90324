// Type-checks and runs pieces of code from documentation. A piece gets imports for the exports it uses; `1 + 1; // 2`
// is a promise that is kept: a comment in JSON behind an expression must be the expression's value.

import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');

export interface Snippet {
  /** Where it stands: `src/ops/image.ts: maxPool2d`. */
  readonly title: string;
  readonly code: string;
  /** Code in front of it: what the example takes for granted. */
  readonly prelude?: string;
  /** Modules of src (`ops/image`) whose exports it may use, the first one first. None: it imports by itself. */
  readonly modules?: readonly string[];
}

export interface CheckedSnippet extends Snippet {
  /** Imports, prelude and code. */
  readonly text: string;
  /** Errors of the compiler. */
  readonly problems: readonly string[];
}

/** Modules by the specifier that snippets import them by. */
export type Modules = ReadonlyMap<string, unknown>;

const requireBuiltin = createRequire(import.meta.url);
const specifierOf = (module: string) => `../src/${module}.js`;

/** Checks all snippets in one go, as modules that stand in this folder. */
export function checkSnippets(snippets: readonly Snippet[]): CheckedSnippet[] {
  const options = compilerOptions();
  const sources = new Map<string, string>();
  const host = ts.createCompilerHost(options);
  const { fileExists, getSourceFile } = host;
  host.fileExists = (file) => sources.has(file) || fileExists(file);
  host.getSourceFile = (file, target, ...rest) => {
    const text = sources.get(file);
    return text === undefined ? getSourceFile(file, target, ...rest) : ts.createSourceFile(file, text, target);
  };
  const modules = [...new Set(snippets.flatMap((snippet) => snippet.modules ?? []))];
  const moduleFile = (module: string) => path.join(root, `src/${module}.ts`);
  const library = ts.createProgram([path.join(root, 'src/index.ts'), ...modules.map(moduleFile)], options, host);
  const exports = new Map(modules.map((module) => [module, exportsOf(library, moduleFile(module))]));

  const files = snippets.map((_, index) => path.join(root, `test/snippet-${index}.ts`));
  const texts = snippets.map((snippet) => complete(snippet, exports));
  files.forEach((file, index) => sources.set(file, texts[index]));
  const program = ts.createProgram(files, options, host, library);
  return snippets.map((snippet, index) => {
    const source = program.getSourceFile(files[index]);
    const found = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
    const problems = found.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
    return { ...snippet, text: texts[index], problems };
  });
}

/** Runs a snippet; `console` and what is compared go to the caller. */
export async function runSnippet(
  { text }: CheckedSnippet,
  modules: Modules,
  compare: (got: unknown, promised: unknown, code: string) => void,
): Promise<void> {
  const { outputText } = ts.transpileModule(withComparisons(text), {
    compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022 },
  });
  const AsyncFunction = (async () => {}).constructor as new (
    ...texts: string[]
  ) => (...args: unknown[]) => Promise<void>;
  const require = (specifier: string) => {
    if (specifier.startsWith('node:')) return requireBuiltin(specifier);
    if (!modules.has(specifier)) throw new Error(`a snippet imports '${specifier}', which is not at hand`);
    return modules.get(specifier);
  };
  const silent = { ...console, log: () => undefined, table: () => undefined };
  await new AsyncFunction('require', 'exports', 'console', 'compare', outputText)(require, {}, silent, compare);
}

/** The library, and the modules that snippets have imported for them. */
export async function loadModules(snippets: readonly Snippet[]): Promise<Modules> {
  const specifiers = new Set(snippets.flatMap(({ modules = [] }) => modules.map(specifierOf)));
  const loaded = new Map<string, unknown>([['ocellus', await import('../src/index.js')]]);
  for (const specifier of specifiers) loaded.set(specifier, await import(/* @vite-ignore */ specifier));
  return loaded;
}

function compilerOptions(): ts.CompilerOptions {
  const { config } = ts.readConfigFile(path.join(root, 'tsconfig.json'), ts.sys.readFile);
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, root);
  return {
    ...options,
    noEmit: true,
    declaration: false,
    declarationMap: false,
    rootDir: root,
    // Examples show values without using them, and import types and values in one line.
    noUnusedLocals: false,
    noUnusedParameters: false,
    verbatimModuleSyntax: false,
    isolatedModules: false,
    paths: { ocellus: [path.join(root, 'src/index.ts')] },
  };
}

function exportsOf(program: ts.Program, file: string): Set<string> {
  const checker = program.getTypeChecker();
  const source = program.getSourceFile(file);
  const symbol = source && checker.getSymbolAtLocation(source);
  return new Set(symbol ? checker.getExportsOfModule(symbol).map(({ name }) => name) : []);
}

/** Puts imports in front, for names that nobody declares: of each module what the ones before do not have. */
function complete({ code, prelude = '', modules = [] }: Snippet, exports: ReadonlyMap<string, Set<string>>): string {
  const body = `${prelude}\n${code}\nexport {};\n`;
  const { used, declared } = namesIn(body);
  const lines = modules.map((module) => {
    const names = [...used].filter((name) => !declared.has(name) && exports.get(module)?.has(name));
    for (const name of names) declared.add(name);
    return names.length > 0 ? `import { ${names.join(', ')} } from '${specifierOf(module)}';\n` : '';
  });
  return lines.join('') + body;
}

function namesIn(text: string): { used: Set<string>; declared: Set<string> } {
  const used = new Set<string>();
  const declared = new Set<string>();
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node)) used.add(node.text);
    if (ts.isVariableDeclaration(node) || ts.isBindingElement(node) || ts.isFunctionDeclaration(node)) {
      if (node.name && ts.isIdentifier(node.name)) declared.add(node.name.text);
    }
    ts.forEachChild(node, visit);
  };
  visit(parse(text));
  return { used, declared };
}

const parse = (text: string) => ts.createSourceFile('snippet.ts', text, ts.ScriptTarget.ES2022, true);

/** `expression; // value` becomes a call of `compare`; what is printed is left alone, it may differ by machine. */
function withComparisons(text: string): string {
  const source = parse(text);
  const pieces: string[] = [];
  let at = 0;
  for (const statement of source.statements) {
    const promised = ts.isExpressionStatement(statement) ? promisedValue(text, statement.end) : undefined;
    if (promised === undefined || !ts.isExpressionStatement(statement)) continue;
    if (statement.expression.getText(source).startsWith('console.')) continue;
    const start = statement.getStart(source);
    const code = statement.expression.getText(source);
    pieces.push(text.slice(at, start), `compare(${code}, ${promised}, ${JSON.stringify(code)});`);
    at = statement.end;
  }
  return [...pieces, text.slice(at)].join('');
}

/** The JSON in a comment on the same line, if there is one; text may stand in single quotes. */
function promisedValue(text: string, end: number): string | undefined {
  const [comment] = ts.getTrailingCommentRanges(text, end) ?? [];
  if (!comment) return undefined;
  const content = text
    .slice(comment.pos + 2, comment.end)
    .trim()
    .replace(/^'(.*)'$/, '"$1"');
  try {
    JSON.parse(content);
    return content;
  } catch {
    return undefined;
  }
}

// The pages docs/reference/*.md: a page per family of what the public tables hold, from the docstrings.
// `node scripts/reference.mjs` writes them, a test compares them.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { at, root, say } from './shared.mjs';

/** What reads data, beside the table `data`. */
const dataExports = [
  ...[
    'Pipeline',
    'imageFolder',
    'ImageSet',
    'decodeImage',
    'parquetImages',
    'loadMnist',
    'loadDigits',
    'readIdx',
    'decodeIdx',
  ],
  ...['loadCifar10', 'readCifar10', 'readCifar100', 'decodeCifar10', 'decodeCifar100', 'readCsv', 'decodeCsv'],
  ...['readNpy', 'writeNpy', 'decodeNpy', 'encodeNpy', 'readNpz', 'writeNpz', 'decodeNpz', 'encodeNpz'],
];

/**
 * A page per family: its title, the public table, for layers the files that the family lives in, and what else is
 * exported for it: functions and classes.
 */
const pages = {
  convolution: ['Convolution', 'layers', ['convolution', 'transposed', 'depthwise']],
  pooling: ['Pooling', 'layers', ['pooling', 'global-pooling', 'adaptive-pooling', 'unpooling']],
  dense: ['Dense layers and embeddings', 'layers', ['dense', 'embedding']],
  activations: ['Activations', 'layers', ['plain-activations', 'activations']],
  normalization: ['Normalization', 'layers', ['normalization', 'sample-normalization', 'preprocessing']],
  regularization: ['Dropout and noise', 'layers', ['regularization']],
  shape: ['Shapes, borders, sizes', 'layers', ['shape', 'borders', 'resizing']],
  merging: ['Merging, wrapping', 'layers', ['merge', 'dot', 'wrappers']],
  'augmentation-layers': ['Augmentation in the network', 'layers', ['augmentation']],
  augmentation: ['Augmentation', 'augment', undefined, ['Augmentation']],
  losses: ['Losses', 'losses'],
  metrics: ['Metrics', 'metrics', undefined, ['interpret', 'Interpretation']],
  optimizers: ['Optimizers', 'optimizers'],
  schedules: ['Schedules', 'schedules'],
  callbacks: ['Callbacks', 'callbacks'],
  data: ['Data', 'data', undefined, dataExports],
  explain: ['Seeing what was learned', 'explain'],
  initializers: ['Initializers', 'initializers'],
  regularizers: ['Regularizers', 'regularizers'],
  constraints: ['Constraints', 'constraints'],
};

function openProgram() {
  const file = at('tsconfig.json');
  const { options } = ts.parseJsonConfigFileContent(ts.readConfigFile(file, ts.sys.readFile).config, ts.sys, root);
  return ts.createProgram([at('src/index.ts')], { ...options, noEmit: true });
}

/** Texts of all pages by file name: `convolution.md` and so on, and README.md, which lists them. */
export function referencePages() {
  const program = openProgram();
  const checker = program.getTypeChecker();
  const exported = new Map(
    checker
      .getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(at('src/index.ts'))))
      .map((symbol) => [symbol.name, symbol]),
  );
  const reader = new Reader(checker, exported.get('LayerOptions'));
  const texts = {};
  const lines = Object.entries(pages).map(([name, [title, table, files, others = []]]) => {
    const further = others.map((other) => exported.get(other));
    const { page, names } = reader.page(title, exported.get(table), table, files, further);
    texts[`${name}.md`] = page;
    return `- [${title}](${name}.md): ${names.join(', ')}`;
  });
  const shown = new Set(reader.shown);
  const missing = Object.keys(reader.own(exported.get('layers'))).filter((name) => !shown.has(name));
  if (missing.length > 0) throw new Error(`layers on no page: ${missing.join(', ')}`);
  if (reader.silent.length > 0) throw new Error(`no docstring, or none with an example: ${reader.silent.join(', ')}`);
  texts['README.md'] = `# Reference\n\n${origin}${lines.join('\n')}\n\n${reader.everyLayer()}`;
  return texts;
}

const origin = 'Written from the docstrings by `node scripts/reference.mjs`.\n\n';

class Reader {
  silent = []; // public names without a docstring or an example
  shown = [];

  constructor(checker, layerOptions) {
    this.checker = checker;
    this.common = this.checker.getDeclaredTypeOfSymbol(this.resolve(layerOptions)).getProperties();
  }

  /** The symbol that is meant: behind aliases of modules and the short form `{ name }`. */
  resolve(symbol) {
    const place = symbol.valueDeclaration ?? symbol.declarations?.[0];
    if (place && ts.isShorthandPropertyAssignment(place)) {
      return this.resolve(this.checker.getShorthandAssignmentValueSymbol(place));
    }
    return symbol.flags & ts.SymbolFlags.Alias ? this.resolve(this.checker.getAliasedSymbol(symbol)) : symbol;
  }

  /** What the docstring at the symbol itself says, else the one behind it. */
  text(symbol) {
    const own = ts.displayPartsToString(symbol.getDocumentationComment(this.checker));
    const meant = this.resolve(symbol);
    return own === '' && meant !== symbol ? this.text(meant) : flatten(own);
  }

  /** Entries of a table by name, without those that are other names for one of them. */
  own(table) {
    const properties = this.checker.getTypeOfSymbol(this.resolve(table)).getProperties();
    return Object.fromEntries(
      properties.filter((one) => !otherName.test(this.text(one))).map((one) => [one.name, one]),
    );
  }

  others(table, name) {
    const properties = this.checker.getTypeOfSymbol(this.resolve(table)).getProperties();
    return properties.filter((one) => otherName.exec(this.text(one))?.[1] === name).map((one) => `\`${one.name}\``);
  }

  page(title, table, tableName, files, further) {
    const place = (symbol) => path.basename(this.resolve(symbol).declarations[0].getSourceFile().fileName, '.ts');
    const own = Object.entries(this.own(table));
    const entries = files ? files.flatMap((file) => own.filter(([, symbol]) => place(symbol) === file)) : own;
    const sections = entries.map(([name, symbol]) => this.section(tableName, name, symbol, this.others(table, name)));
    for (const symbol of further) {
      entries.push([symbol.name, symbol]);
      sections.push(`${this.section('index', symbol.name, symbol, [])}${this.methods(symbol)}`);
    }
    const intro = files ? '' : `${this.text(table) || this.moduleText(table)}\n\n`;
    const names = entries.map(([name]) => `\`${name}\``);
    return { page: `# ${title}\n\n${origin}${intro}${sections.join('\n')}`, names };
  }

  /** What stands at the head of a module, with the tag @module. */
  moduleText(table) {
    const [source] = this.resolve(table).declarations;
    const [comment] = ts.isSourceFile(source) ? (source.statements[0].jsDoc ?? []) : [];
    const isModule = comment?.tags?.some((tag) => tag.tagName.text === 'module');
    return isModule ? flatten(ts.getTextOfJSDocComment(comment.comment)) : '';
  }

  everyLayer() {
    const rows = this.common.map((property) => this.option(property));
    return `## Options of every layer\n\n${optionTable(rows)}`;
  }

  section(table, name, symbol, also) {
    this.shown.push(name);
    const examples = [symbol, this.resolve(symbol)]
      .flatMap((one, i, both) => (i > 0 && one === both[0] ? [] : one.getJsDocTags(this.checker)))
      .filter((tag) => tag.name === 'example');
    const code = examples.map((tag) => `\`\`\`js\n${ts.displayPartsToString(tag.text).trim()}\n\`\`\`\n`);
    const parts = [
      `## ${name}\n`,
      also.length > 0 ? `Also ${also.join(', ')}.\n` : '',
      `${this.text(symbol)}\n`,
      ...code,
      this.options(symbol),
    ];
    if (this.text(symbol) === '' || code.length === 0) this.silent.push(`${table}.${name}`);
    return parts.filter(Boolean).join('\n');
  }

  /** What objects of a class can do, without what they have from another class. */
  methods(symbol) {
    const meant = this.resolve(symbol);
    if (!(meant.flags & ts.SymbolFlags.Class)) return '';
    const members = this.checker.getDeclaredTypeOfSymbol(meant).getProperties();
    const shown = members.filter((member) => {
      const modifiers = ts.getCombinedModifierFlags(member.valueDeclaration);
      return member.parent === meant && !(modifiers & ts.ModifierFlags.Private) && !member.name.startsWith('__@');
    });
    const rows = shown.map((member) => {
      const signature = this.checker.getTypeOfSymbol(member).getCallSignatures()[0];
      const parameters = signature
        ?.getParameters()
        .map((one) => one.name)
        .join(', ');
      const cells = [
        `\`${member.name}${signature ? `(${parameters})` : ''}\``,
        this.text(member).replaceAll('\n', ' '),
      ];
      return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
    });
    return `\n| member | |\n|---|---|\n${rows.join('\n')}\n`;
  }

  /** What the parameter `options`, else the first one, can hold, without the options of every layer. */
  options(symbol) {
    const [signature] = this.checker.getTypeOfSymbol(this.resolve(symbol)).getCallSignatures();
    const parameters = signature?.getParameters() ?? [];
    const first = parameters.find(({ name }) => name === 'options') ?? parameters[0];
    if (!first) return '';
    const type = this.checker.getNonNullableType(this.firstOf(first));
    const isOptions = type.flags & ts.TypeFlags.Object && !type.isClass() && !this.checker.isArrayLikeType(type);
    if (!isOptions) return '';
    const isCommon = (property) => this.common.some((one) => one.valueDeclaration === property.valueDeclaration);
    const isOurs = ({ valueDeclaration: place }) => !place?.getSourceFile().fileName.includes('/node_modules/');
    const own = type
      .getProperties()
      .filter((property) => isOurs(property) && (!property.valueDeclaration || !isCommon(property)));
    return own.length === 0 ? '' : optionTable(own.map((property) => this.option(property)));
  }

  /** The type of a parameter; of `...args: [options?: T]` its first element. */
  firstOf(parameter) {
    const type = this.checker.getTypeOfSymbol(parameter);
    const isRest = parameter.valueDeclaration?.dotDotDotToken;
    return isRest ? (this.checker.getTypeArguments(type)[0] ?? type) : type;
  }

  option(property) {
    const type = this.checker.getNonNullableType(this.checker.getTypeOfSymbol(property));
    const isOptional = property.flags & ts.SymbolFlags.Optional;
    const suffix = Object.keys(weightTexts).find((ending) => property.name.endsWith(ending));
    const cells = [
      `\`${property.name}\`${isOptional ? '' : ' (needed)'}`,
      `\`${this.typeText(type, property)}\``,
      (this.text(property) || weightTexts[suffix] || '').replaceAll('\n', ' '),
    ];
    return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  }

  /** The members of a short union, the name of a long one. */
  typeText(type, property) {
    const text = (extra) => this.checker.typeToString(type, undefined, format | extra);
    const whole = text(ts.TypeFormatFlags.InTypeAlias | ts.TypeFormatFlags.NoTruncation);
    const written = property.valueDeclaration?.type?.getText();
    return whole.length <= longest ? whole : written && written.length <= longest ? written : text(0);
  }
}

const otherName = /^The same as (\w+)\.$/;
const longest = 80;
const format = ts.TypeFormatFlags.UseAliasDefinedOutsideCurrentScope;
const optionTable = (rows) => `| option | type | |\n|---|---|---|\n${rows.join('\n')}\n`;

/** Options that every weight has; their names are made of the weight's. */
const weightTexts = {
  Initializer: 'How the weight begins: [initializers](initializers.md).',
  Regularizer: 'What it adds to the loss: [regularizers](regularizers.md). Default: nothing.',
  Constraint: 'Where it is brought back to after each step: [constraints](constraints.md). Default: none.',
};

/** Lines of a paragraph as one. */
const flatten = (text) =>
  text
    .split(/\n{2,}/)
    .map((paragraph) => (/^ *(- |\|)/m.test(paragraph) ? paragraph : paragraph.replaceAll(/\s*\n\s*/g, ' ')))
    .join('\n\n');

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  mkdirSync(at('docs/reference'), { recursive: true });
  for (const [name, text] of Object.entries(referencePages()))
    writeFileSync(path.join(at('docs/reference'), name), text);
  say('wrote docs/reference');
}

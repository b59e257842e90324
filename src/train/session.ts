// A model at work: owns its memory, keeps plans per purpose and batch size, and runs them one at a time. A step writes
// its data straight into the memory of the plan and is one call of the executor; nothing is allocated for it.

import { type Backend, type Executable, type Memory, viewBuffer } from '../backend/backend.js';
import type { StepTime } from '../backend/profile.js';
import type { NumericArray, TensorSpec } from '../core/dtype.js';
import { check, OcellusError } from '../core/errors.js';
import { sizeOf } from '../core/shape.js';
import type { Plan } from '../graph/plan.js';
import { type Variable, Variables } from '../graph/variables.js';
import type { Network } from '../nn/network.js';
import type { ProgramRequest, TrainingVariables } from './program.js';
import { buildProgram, declareTraining, type Objective, type Program } from './program.js';
import { type Survey, surveyNetwork, type WeightSpec, WeightTable } from './weights.js';

/** Plans kept at the same time; a fit with validation and a partial last batch needs four. */
const maxPlans = 16;

/** Time after which the event loop gets its turn between two steps. */
const turnAfterMs = 4;

export interface Weight {
  /** `conv2d_1/kernel` */
  readonly path: string;
  readonly shape: readonly number[];
  /** Number of values. */
  readonly size: number;
  readonly trainable: boolean;
  readonly variable: Variable;
}

/** A program with its executor and views of its buffers. */
export interface BoundProgram {
  readonly executable: Executable;
  readonly inputs: readonly NumericArray[];
  readonly targets: readonly NumericArray[];
  /** One per output; null where it has none. */
  readonly weights: readonly (NumericArray | null)[];
  readonly outputs: readonly NumericArray[];
  readonly losses: readonly NumericArray[];
  /** One number. Empty where the mode has no loss. */
  readonly loss: NumericArray;
}

interface CachedProgram {
  readonly program: Program;
  bound: BoundProgram | null;
}

/** What goes into a step, and what is taken from it, while the memory is held. */
export interface StepUser<T> {
  write(bound: BoundProgram): void;
  read(bound: BoundProgram): T;
}

export class Session {
  /** In the order in which the layers run. */
  weights: readonly Weight[];
  /** Outputs for a batch of one. */
  readonly outputs: readonly TensorSpec[];
  /** What every layer did when the network was built for a batch of one, in the order in which they run. */
  readonly calls: Survey['calls'];
  /** Training steps done since the optimizer was set. */
  step = 0;
  /** Epochs begun by fit since the optimizer was set: with the seed it determines the order of samples. */
  epoch = 0;
  /** Averages stand in the place of the weights: nothing may train. */
  averaged = false;
  /** Seed of dropout; fit may set another one. */
  seed: number;

  private readonly variables = new Variables();
  private readonly table: WeightTable;
  private constraints: Survey['constraints'];
  private readonly programs = new Map<string, CachedProgram>();
  /** The key used last, which is the newest of `programs`. */
  private lastKey = '';
  private memory: Memory;
  private objective: Objective | null = null;
  private training: TrainingVariables | null = null;
  private targets: readonly TensorSpec[] = [];
  private tail: Promise<unknown> = Promise.resolve();
  private pending = 0;
  private lastTurn = 0;
  /** The program whose prologue ran on the arena as it is and on the weights as they are. */
  private prepared: BoundProgram | null = null;
  /** What the last step run by `keeping` began with. */
  private kept: { state: Uint8Array; step: number } | null = null;
  /** Somebody outside may write to weights at any time. */
  private exposed = false;

  constructor(
    readonly network: Network,
    private backend: Backend,
    readonly initialSeed: number,
    survey: Survey = surveyNetwork(network),
    valuesOf: (weight: WeightSpec) => ArrayLike<number> = (weight) => weight.create(initialSeed),
  ) {
    this.seed = initialSeed;
    this.outputs = survey.outputs;
    this.table = new WeightTable(survey.weights, this.variables);
    this.constraints = survey.constraints;
    this.calls = survey.calls;
    this.weights = this.describe(survey);
    this.memory = {
      state: backend.allocate(this.variables.bytes('state')),
      training: backend.allocate(0),
      arena: backend.allocate(0),
    };
    for (const weight of survey.weights) this.view(this.table.get(weight.path)).set(valuesOf(weight));
  }

  /** The elements of a variable, in place: to be read, or to be written together with `weightsChanged`. */
  view(variable: Variable): NumericArray {
    return viewBuffer(this.memory, variable);
  }

  /**
   * The elements of a variable for hands outside, which may write at any time: from now on, what is computed from
   * weights alone is computed in every run.
   */
  expose(variable: Variable): NumericArray {
    this.exposed = true;
    return this.view(variable);
  }

  /** To be called when weights are written: what is computed from weights alone is computed again. */
  weightsChanged(): void {
    this.prepared = null;
  }

  /** Name of the slot with averages of weights; undefined without an optimizer that keeps some. */
  get averageSlot(): string | undefined {
    return this.objective?.optimizer.averageSlot;
  }

  /** The optimizer's variables by the names they have in files: `velocity` → parameter → shape and view. */
  slots(): Record<string, Record<string, { shape: readonly number[]; data: NumericArray }>> {
    const { slots = {}, parameters = [] } = this.training ?? {};
    const byParameter = (list: readonly (Variable | null)[]) =>
      Object.fromEntries(
        list.flatMap((slot, i) => (slot ? [[parameters[i].name, { shape: slot.shape, data: this.view(slot) }]] : [])),
      );
    return Object.fromEntries(Object.entries(slots).map(([name, list]) => [name, byParameter(list)]));
  }

  /** The gradients of the last `gradients` or `train` step, in place. */
  gradients(): { variable: Variable; data: NumericArray }[] {
    const { parameters = [], gradients = [] } = this.training ?? {};
    return parameters.map((variable, i) => ({ variable, data: this.view(gradients[i]) }));
  }

  /** Chooses backend, losses and optimizer; the state of an earlier optimizer is forgotten. */
  setObjective(objective: Objective, targets: readonly TensorSpec[], backend: Backend): void {
    this.requireIdle('compile');
    this.requireWeights('compile');
    // Layers may have been frozen or released since.
    const survey = surveyNetwork(this.network);
    this.weights = this.describe(survey);
    this.constraints = survey.constraints;
    const parameters = this.weights.filter((weight) => weight.trainable).map((weight) => weight.variable);
    this.objective = objective;
    this.targets = targets;
    this.training = declareTraining(this.variables, inMemoryOrder(parameters), objective.optimizer);
    this.step = 0;
    this.epoch = 0;
    this.useBackend(backend);
    for (const { variable, values } of this.training.initial) this.view(variable).set(values);
  }

  /** Throws while averages stand in the place of the weights. */
  requireWeights(where: string): void {
    check(!this.averaged, 'ERR_OCELLUS_STATE', () => ({
      where,
      expected: 'the weights themselves',
      got: 'their averages',
      help: 'let withAverages end first',
    }));
  }

  private describe({ weights }: Survey): Weight[] {
    return weights.map(({ path, shape, trainable }) => {
      return { path, shape, size: sizeOf(shape), trainable, variable: this.table.get(path) };
    });
  }

  /** Moves to another backend. Views of weights that were taken before may be out of date afterwards. */
  private useBackend(backend: Backend): void {
    const stays = backend.name === this.backend.name;
    const state = stays ? this.memory.state : copyOf(this.memory.state, backend);
    this.exposed &&= stays;
    this.backend = backend;
    this.memory = { state, training: backend.allocate(this.variables.bytes('training')), arena: backend.allocate(0) };
    this.programs.clear();
    this.prepared = null;
  }

  plan(request: ProgramRequest): Plan {
    return this.program(request).program.plan;
  }

  /** Runs one step off the event loop, after those that were asked for before. */
  async run<T>(request: ProgramRequest, user: StepUser<T>): Promise<T> {
    return this.exclusive(async () => {
      const bound = this.prepare(request, user);
      await bound.executable.run(this.begin(bound));
      return this.finish(request, bound, user);
    });
  }

  /** Runs one step on the calling thread's time. */
  runSync<T>(request: ProgramRequest, user: StepUser<T>): T {
    this.requireIdle('a synchronous call');
    const bound = this.prepare(request, user);
    bound.executable.runSync(this.begin(bound));
    return this.finish(request, bound, user);
  }

  /** How the backend computes each step of a plan, by the step's name. */
  algorithms(request: ProgramRequest): Map<string, string> {
    return new Map(this.plan(request).steps.map((step) => [step.name, this.backend.algorithmOf(step)]));
  }

  /** Times every step of a plan. Weights, optimizer and counters are afterwards as before. */
  async profile(request: ProgramRequest, user: StepUser<unknown>): Promise<StepTime[]> {
    return this.exclusive(async () => {
      const restore = this.snapshot();
      try {
        const { executable } = this.prepare(request, user);
        await executable.run();
        return await executable.profile();
      } finally {
        restore();
      }
    });
  }

  /** As `profile`, on the calling thread's time. */
  profileSync(request: ProgramRequest, user: StepUser<unknown>): StepTime[] {
    this.requireIdle('profileSync');
    const restore = this.snapshot();
    try {
      const { executable } = this.prepare(request, user);
      executable.runSync();
      return executable.profileSync();
    } finally {
      restore();
    }
  }

  /** `user`, with a copy made of what the step begins with, for `replay`. */
  keeping<T>(user: StepUser<T>): StepUser<T> {
    return {
      write: (bound) => {
        const { state } = this.memory;
        if (this.kept?.state.length !== state.length) this.kept = { state: new Uint8Array(state.length), step: 0 };
        this.kept.state.set(state);
        this.kept.step = this.step;
        user.write(bound);
      },
      read: (bound) => user.read(bound),
    };
  }

  /** Runs a step from where the last kept one began. Weights, optimizer and counters are afterwards as before. */
  async replay<T>(request: ProgramRequest, user: StepUser<T>): Promise<T> {
    return this.exclusive(async () => {
      const restore = this.snapshot();
      try {
        if (this.kept) {
          this.memory.state.set(this.kept.state);
          this.step = this.kept.step;
        }
        const bound = this.prepare(request, user);
        await bound.executable.run();
        return user.read(bound);
      } finally {
        restore();
      }
    });
  }

  /** Copies all variables and counters; the function it returns puts them back. */
  snapshot(): () => void {
    const { state, training } = this.memory;
    const saved = [state.slice(), training.slice()];
    const { step, epoch, seed } = this;
    return () => {
      this.prepared = null;
      this.step = step;
      this.epoch = epoch;
      this.seed = seed;
      state.set(saved[0]);
      training.set(saved[1]);
    };
  }

  /** Gives plans and arena back; they are made again when they are needed. */
  release(): void {
    this.requireIdle('dispose');
    this.programs.clear();
    this.kept = null;
    this.prepared = null;
    this.memory = { ...this.memory, arena: this.backend.allocate(0) };
  }

  /** Runs `job` when nobody else uses the memory. */
  async exclusive<T>(job: () => Promise<T>): Promise<T> {
    const before = this.tail;
    this.pending++;
    const turn = before.then(job);
    this.tail = turn.catch(() => undefined);
    try {
      return await turn;
    } finally {
      this.pending--;
      await this.yieldInTime();
    }
  }

  /** Throws unless no step is running or waiting. */
  requireIdle(where: string): void {
    check(this.pending === 0, 'ERR_OCELLUS_BUSY', () => ({
      where,
      expected: 'a model at rest',
      got: 'a step that is running',
      help: 'await the running call first; during fit, use a callback',
    }));
  }

  /** Short steps end without a turn of the event loop; many of them must not keep it waiting. */
  private async yieldInTime(): Promise<void> {
    if (performance.now() - this.lastTurn < turnAfterMs) return;
    await new Promise((resolve) => setImmediate(resolve));
    this.lastTurn = performance.now();
  }

  private prepare<T>(request: ProgramRequest, user: StepUser<T>): BoundProgram {
    const updates = request.mode === 'train' || request.mode === 'apply';
    if (updates) this.requireWeights(request.mode);
    const accumulate = updates && (this.objective?.optimizer.accumulates?.(this.step) ?? false);
    const bound = this.bind(this.program({ ...request, accumulate }));
    user.write(bound);
    if (request.mode === 'train' || request.mode === 'gradients') {
      const seed = this.view(this.table.seed());
      seed[0] = this.seed;
      seed[1] = this.step;
    }
    if (updates) this.writeScalars();
    return bound;
  }

  /**
   * The step to begin with: behind the prologue when it ran before and nothing has run since that shares the arena or
   * moves weights. Until the run has ended well, the arena counts as unknown.
   */
  private begin(bound: BoundProgram): number {
    const ready = this.prepared === bound && !this.exposed;
    this.prepared = null;
    return ready ? bound.executable.plan.prologue : 0;
  }

  private finish<T>(request: ProgramRequest, bound: BoundProgram, user: StepUser<T>): T {
    this.prepared = bound;
    if (request.mode === 'train' || request.mode === 'apply') this.step++;
    return user.read(bound);
  }

  private writeScalars(): void {
    const values = (this.objective as Objective).optimizer.scalars(this.step, Math.max(0, this.epoch - 1));
    for (const [name, variable] of Object.entries((this.training as TrainingVariables).scalars)) {
      this.view(variable).set(values[name]);
    }
  }

  private program(request: ProgramRequest): CachedProgram {
    if (request.mode !== 'predict' && !this.objective) {
      throw new OcellusError('ERR_OCELLUS_STATE', {
        where: request.mode,
        expected: 'a compiled model',
        got: 'one without optimizer and loss',
        help: "call model.compile({ optimizer: 'adam', loss: … }) first",
      });
    }
    const key = keyOf(request);
    const known = this.programs.get(key);
    const cached = known ?? { program: this.build(request), bound: null };
    if (known && key === this.lastKey) return known;
    this.programs.delete(key);
    this.programs.set(key, cached);
    this.lastKey = key;
    if (this.programs.size > maxPlans) this.programs.delete(this.programs.keys().next().value as string);
    return cached;
  }

  private build(request: ProgramRequest): Program {
    return buildProgram(request, {
      network: this.network,
      variables: this.variables,
      source: this.table,
      objective: this.objective,
      training: this.training,
      constraints: this.constraints,
      targets: this.targets,
      target: this.backend,
    });
  }

  /** All plans share one arena; when a larger one is needed, the others are bound to it again when their turn comes. */
  private bind(cached: CachedProgram): BoundProgram {
    const { program } = cached;
    if (program.plan.bytes.arena > this.memory.arena.byteLength) {
      this.memory = { ...this.memory, arena: this.backend.allocate(program.plan.bytes.arena) };
      for (const other of this.programs.values()) other.bound = null;
      this.prepared = null;
    }
    cached.bound ??= {
      executable: this.backend.load(program.plan, this.memory),
      inputs: program.inputs.map((buffer) => viewBuffer(this.memory, buffer)),
      targets: program.targets.map((buffer) => viewBuffer(this.memory, buffer)),
      weights: program.weights.map((buffer) => buffer && viewBuffer(this.memory, buffer)),
      outputs: program.outputs.map((buffer) => viewBuffer(this.memory, buffer)),
      losses: program.losses.map((buffer) => viewBuffer(this.memory, buffer)),
      loss: program.loss ? viewBuffer(this.memory, program.loss) : new Float32Array(0),
    };
    return cached.bound;
  }
}

/** Short for the requests that are made most often. */
function keyOf({ mode, batch, dtypes, layers, weights, probe, accumulate, trace }: ProgramRequest): string {
  let key = `${mode}/${batch}/${dtypes.join()}`;
  if (layers) key += `/layers ${layers}`;
  if (weights) key += `/weights ${weights.map((shape) => shape && `[${shape}]`)}`;
  if (probe) key += `/probe ${JSON.stringify(probe)}`;
  if (accumulate) key += '/accumulate';
  return trace ? `${key}/trace` : key;
}

const inMemoryOrder = (variables: readonly Variable[]): Variable[] =>
  [...variables].sort((a, b) => a.offset - b.offset);

function copyOf(region: Uint8Array, backend: Backend): Uint8Array {
  const copy = backend.allocate(region.byteLength);
  copy.set(region);
  return copy;
}

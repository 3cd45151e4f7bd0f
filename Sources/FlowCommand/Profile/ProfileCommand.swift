import ArgumentParser
import FlowFiles
import FlowIR
import FlowPasses
import FlowRuntime
import Flows
import Foundation

/// `flowir profile`.
struct Profile: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Time each group of the tile program beside its bound.",
    discussion: """
      Calls a function on random rows, with a clock around every node of its tile program, and prints \
      where the time goes: nanoseconds of a thread for each row, the share of all, the work, and how \
      near that is to the bound. Products are bounded by the peak of fused multiply-adds (fma), \
      inputs and results by the bandwidth of memory (memory), pointwise work by the rate of additions \
      beside multiply-adds (vector) or of divisions (divide); all of that is measured just before. \
      Pointwise work is counted in the instructions that AVX-512 or AVX2 takes, a multiplication and \
      the addition after it as one; that which runs in a layer's registers adds to the layer's time. A \
      line of roots says how often a function was evaluated for each number, and how often if those of \
      rows that are done and wait for others of their tile are counted too; that of an ODE, how often a \
      row's derivatives were evaluated, and which share of the lanes held a row on its way. What is \
      outside of the tiles counts as time without work.

      EXAMPLE: flowir profile model.safetensors --function sample --rows 100000
      """)

  @Argument(help: "A model file.") var model: String
  @Option(help: ArgumentHelp(FlowFunction.allCases.map(\.name).joined(separator: ", ") + "."))
  var function = "log_prob"
  @Option(
    parsing: .unconditional,
    help: "How many rows a call has.", transform: Parse.integer(from: 1, to: 1_000_000_000))
  var rows = 100_000
  @Option(
    parsing: .unconditional,
    help: "For how many seconds the function is called.",
    transform: Parse.number(.from(0, to: 1e6)))
  var seconds = 0.5
  @Option(
    help: ArgumentHelp(
      "The processor that the code is made for and the bounds are measured with: "
        + "\(TargetCPU.choices); native if left out."),
    completion: .list(TargetCPU.allCases.map(\.rawValue)), transform: TargetCPU.init(runnable:))
  var cpu = TargetCPU.native
  @OptionGroup var common: CommonOptions

  func run() throws {
    let model = try Model.read(model)
    let dtype = common.dtype?.dtype ?? .f32
    let traced = try tracedFunction(function, of: model, dtype: dtype)
    let isDifferentiated = FlowFunction(named: function)?.isDifferentiated ?? false
    let optimized = try OptimizedFunction(
      traced, passes: isDifferentiated ? Pipeline.cleanup : Pipeline.forward)
    let function = optimized.function
    let threads = common.threads ?? CompiledFunction.defaultThreads
    try checkMemory(function)
    guard
      let report = try ProfileReport.measured(
        optimized, of: model, rows: rows, seconds: seconds, threads: threads, cpu: cpu)
    else { return }
    if common.json {
      try Console.print(report.json.text)
    } else {
      try Console.print(report.text, terminator: "")
    }
  }
}

extension ProfileReport {
  /// Calls a function on random rows for so many seconds, with a clock around each node.
  ///
  /// - Throws: `RuntimeError` if it can't be compiled.
  static func measured(
    _ function: OptimizedFunction, of model: Model, rows: Int, seconds: Double, threads: Int,
    cpu: TargetCPU = .native
  ) throws -> ProfileReport? {
    let compiled = try CompiledFunction(function, cpu: cpu, profiling: true)
    guard let counters = compiled.counters else { return nil }
    let call = try RandomCall(compiled, model, rows: rows, threads: threads)
    try call()
    _ = counters.take()
    let limits = try MachineLimits(dtype: compiled.dtype, threads: threads, cpu: cpu)
    var calls = 0
    let clock = ContinuousClock()
    let start = clock.now
    repeat {
      try call()
      calls += 1
    } while (clock.now - start) / .seconds(1) < seconds
    return ProfileReport(
      function: function.function.name, counts: counters.take(),
      work: counters.work(on: limits.instructionSet), limits: limits, rows: rows, calls: calls,
      threads: threads,
      seconds: (clock.now - start) / .seconds(1))
  }

  /// The time that the bounds allow, as a share of the time that was taken.
  var shareOfBound: Double {
    let needed = lines.reduce(0.0) { $0 + ($1.fraction ?? 0) * $1.seconds }
    return needed / max(total, 1e-30)
  }

  /// Nanoseconds for each row, by the clock.
  var nanosecondsPerRow: Double { seconds / Double(rows * calls) * 1e9 }
}

extension Profile {
  /// Makes sure that the arguments and results of a call fit in memory, beside the numbers that they
  /// are made from.
  private func checkMemory(_ function: Function) throws {
    let values = function.arguments.map(\.value) + function.results.map(\.value)
    let columns = values.map { function.type(of: $0) }.filter(\.hasRows)
      .reduce(0) { $0 + $1.elementCount }
    let memory = Int(clamping: ProcessInfo.processInfo.physicalMemory)
    guard let bytes = Checked.product(rows, columns, 16), bytes <= memory else {
      throw ValidationError(
        "--rows \(rows): the arrays of \(columns) columns do not fit in the memory of this "
          + "machine, \(memory >> 30) GiB; give fewer")
    }
  }
}

/// A call of a function of a model on random numbers.
private struct RandomCall {
  private let bound: BoundFunction
  private let inputs: [AlignedNumbers]
  private let results: [AlignedNumbers]
  private let rows: Int
  private let threads: Int

  init(_ compiled: CompiledFunction, _ model: Model, rows: Int, threads: Int) throws {
    let function = compiled.function
    self.rows = rows
    self.threads = threads
    bound = try compiled.bind(model.values, threads: threads)
    func count(_ value: Value) -> Int {
      let type = function.type(of: value)
      return (type.hasRows ? rows : 1) * type.elementCount
    }
    var generator = SeededGenerator(seed: 1)
    inputs = function.arguments.map { argument in
      if argument.kind != .input { return AlignedNumbers([], dtype: compiled.dtype) }
      let type = function.type(of: argument.value)
      let total = count(argument.value)
      // A step of training takes parameters and moments as inputs.
      var values = [Double](repeating: 0, count: total)
      if let parameter = model.values[argument.name], parameter.floats.count == total {
        values = parameter.floats.map(Double.init)
      } else if type.hasRows {
        values = values.map { _ in generator.uniform() * 4 - 2 }
      } else if type.shape.isEmpty {
        values = [1e-4]
      } else if !argument.name.hasPrefix("m."), !argument.name.hasPrefix("v.") {
        values = values.map { _ in generator.uniform() * 0.2 - 0.1 }
      }
      return AlignedNumbers(values, dtype: type.dtype)
    }
    results = function.results.map { result in
      AlignedNumbers(
        [Double](repeating: 0, count: count(result.value)),
        dtype: function.type(of: result.value).dtype)
    }
  }

  func callAsFunction() throws {
    try bound.call(
      arguments: inputs.map { UnsafeRawPointer($0.pointer) }, results: results.map(\.pointer),
      rows: rows, threads: threads)
  }
}

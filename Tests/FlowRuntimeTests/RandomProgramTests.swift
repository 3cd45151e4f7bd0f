import FlowIR
import FlowPasses
import FlowRuntime
import Foundation
import Testing

/// Random verified functions: text and passes against the interpreter.
///
/// `FLOWIR_PROGRAMS=10000 swift test --filter RandomProgramTests` tries as many, `FLOWIR_SEED` starts
/// elsewhere. To halve a fault, print the function and use `flowir opt --bisect`.
@Suite struct RandomProgramTests {
  static let environment = ProcessInfo.processInfo.environment
  static let count = environment["FLOWIR_PROGRAMS"].flatMap(Int.init)
  static let first = environment["FLOWIR_SEED"].flatMap(UInt64.init) ?? 1
  static func seeds(_ count: Int) -> Range<UInt64> { first..<first + UInt64(Self.count ?? count) }

  /// The worst difference, relative to 1 or the value; infinite where only one is a number.
  static func worst(
    _ found: [String: [Double]], _ exact: [String: InterpreterTensor]
  ) -> Double {
    var worst = 0.0
    for (name, tensor) in exact {
      guard let values = found[name], values.count == tensor.values.count else { return .infinity }
      for (a, b) in zip(values, tensor.values) where a != b && !(a.isNaN && b.isNaN) {
        let error = abs(a - b) / (1 + abs(b))
        worst = max(worst, error.isNaN ? .infinity : error)
      }
    }
    return worst
  }

  @Test("text round-trips and every pass keeps what a program means")
  func passes() throws {
    var names: Set<String> = []
    for seed in Self.seeds(200) {
      let program = try RandomProgram(seed: seed)
      let function = program.function
      try function.verify()
      names.formUnion(RandomProgram.names(function.operations))
      let text = function.text
      #expect(try Module(parsing: text).text == text, "seed \(seed)")
      let exact = try Interpreter.run(function, program.arguments, rows: RandomProgram.rows)
      for pass in Pipeline.all {
        let changed = try pass(function)
        // Most passes find nothing in most programs.
        if changed.text == text { continue }
        try changed.verify()
        let found = try Interpreter.run(
          changed, program.arguments, rows: RandomProgram.rows
        ).mapValues(\.values)
        // Sorted masks add in another order.
        #expect(Self.worst(found, exact) < 1e-9, "seed \(seed), \(pass.name):\n\(text)")
      }
    }
    var wanted = Set(UnaryOperator.allCases.map(\.rawValue))
    wanted.formUnion(BinaryOperator.allCases.map(\.rawValue))
    wanted.formUnion(Comparison.allCases.map(\.rawValue))
    wanted.formUnion(Reduction.allCases.map { "reduce_\($0.rawValue)" })
    wanted.formUnion(RandomDistribution.allCases.map { "random_\($0.rawValue)" })
    wanted.formUnion([
      "constant", "select", "convert", "cumulative_sum", "search", "take", "reshape", "broadcast",
      "transpose", "slice", "concatenate", "pad", "gather", "scatter_add", "linear",
      "linear_weight_gradient", "matmul", "matrix_exponential", "cholesky", "triangular_solve",
      "row_sum", "row_count", "autoregressive_inverse", "ode_solve", "monotone_root", "quadrature",
    ])
    // `ode_adjoint` comes from gradients. Fewer programs than usual need not hold everything.
    if let count = Self.count, count < 200 { return }
    #expect(wanted.subtracting(names).isEmpty, "\(wanted.subtracting(names)) are in no program")
  }

  @Test("a budget of rewrites stops a pass after as many, and the program stays the same")
  func budget() throws {
    for seed in Self.seeds(20) {
      let program = try RandomProgram(seed: seed)
      let exact = try Interpreter.run(
        program.function, program.arguments, rows: RandomProgram.rows)
      for limit in [0, 1, 2, 3, 5, 8, 100] {
        let budget = RewriteBudget(limit: limit)
        let changed = try Pipeline.run(
          Pipeline.standard, on: program.function, budget: budget)
        try changed.verify()
        let found = try Interpreter.run(
          changed, program.arguments, rows: RandomProgram.rows
        ).mapValues(\.values)
        #expect(Self.worst(found, exact) < 1e-9, "seed \(seed), \(limit) rewrites")
        if limit == 0 {
          #expect(changed.text == program.function.text, "seed \(seed)")
        }
      }
    }
  }

  /// The arguments of a program as a call takes them.
  static func hostArrays(_ program: RandomProgram) throws -> [String: HostArray] {
    var arrays: [String: HostArray] = [:]
    for argument in program.function.arguments {
      let type = program.function.type(of: argument.value)
      let values = try #require(program.arguments[argument.name])
      let shape = (type.hasRows ? [RandomProgram.rows] : []) + type.shape
      arrays[argument.name] =
        switch type.dtype {
        case .f32: HostArray(values.map(Float.init), shape: shape)
        case .f64: HostArray(values, shape: shape)
        case .i32, .bool: HostArray(values.map { Int32($0) }, shape: shape)
        }
    }
    return arrays
  }

  @Test(
    "compiled code gives what the interpreter gives, with the same bits at any number of threads",
    arguments: [DType.f64, .f32])
  func compiled(dtype: DType) throws {
    var lowered = 0
    let seeds = Self.seeds(12)
    for seed in seeds {
      let program = try RandomProgram(seed: seed, dtype: dtype)
      let compiled: CompiledFunction
      do {
        compiled = try CompiledFunction(OptimizedFunction(program.function))
      } catch RuntimeError.unsupported {
        // Some operations on row values have no lowering; the error says so.
        continue
      }
      lowered += 1
      let arrays = try Self.hostArrays(program)
      let found = try compiled(arrays, rows: RandomProgram.rows, threads: 1)
      for threads in [2, 5] {
        let again = try compiled(arrays, rows: RandomProgram.rows, threads: threads)
        let equal = found.allSatisfy { name, array in
          zip(array.doubles, again[name]?.doubles ?? []).allSatisfy {
            $0.bitPattern == $1.bitPattern
          }
        }
        #expect(equal, "seed \(seed), \(threads) threads:\n\(program.function.text)")
      }
      // In float32 a comparison of nearly equal numbers goes either way.
      guard dtype == .f64 else { continue }
      let exact = try Interpreter.run(
        program.function, program.arguments, rows: RandomProgram.rows)
      #expect(
        Self.worst(found.mapValues(\.doubles), exact) < 1e-9,
        "seed \(seed):\n\(program.function.text)")
    }
    #expect(2 * lowered > seeds.count, "\(lowered) of \(seeds.count) programs could be lowered")
  }
}

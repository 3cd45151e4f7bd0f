import ArgumentParser
import FlowCodegen
import FlowFiles
import FlowIR
import FlowRuntime
import Flows
import Foundation

/// A function of a flow with memory for its arguments and results, ready to be called on some of its rows.
struct BenchCall {
  private let function: ArtifactFunction
  private let input: AlignedNumbers?
  private let context: AlignedNumbers?
  private let results: [AlignedNumbers]
  private let body: (Pointers, Int) throws -> Void

  private struct Pointers {
    let x: UnsafeRawPointer?
    let context: UnsafeRawPointer?
    let results: [UnsafeMutableRawPointer]
  }

  /// Makes the function ready for calls of at most so many rows: samples of the flow, for contexts of
  /// normal numbers.
  ///
  /// - Throws: `RuntimeError` if it can't be compiled or a `.so` lacks it, and `ValidationError` if the
  ///   arrays don't fit in memory.
  init(
    _ function: ArtifactFunction, of flow: AnyModel, options: CommonOptions, dtype: DType,
    most: Int,
    threads: Int
  ) throws {
    self.function = function
    let (features, contexts) = (flow.features, flow.context)
    let memory = Int(clamping: ProcessInfo.processInfo.physicalMemory)
    guard let bytes = Checked.product(most, 2 * features + 2 * contexts + 2, 16), bytes <= memory
    else {
      throw ValidationError(
        "--rows \(most): the arrays do not fit in the memory of this machine, \(memory >> 30) GiB; "
          + "give fewer")
    }
    // Rows repeat after these, which are enough for their values to be as varied as data.
    let drawn = min(most, 16_384)
    var generator = SeededGenerator(seed: 1)
    let normal = (0..<drawn * contexts).map { _ in generator.normal() }
    func array(_ values: [Double], _ shape: [Int]) -> HostArray {
      dtype == .f64
        ? HostArray(values, shape: shape) : HostArray(values.map { Float($0) }, shape: shape)
    }
    func repeated(_ values: [Double], _ columns: Int) -> AlignedNumbers {
      AlignedNumbers((0..<most * columns).map { values[$0 % values.count] }, dtype: dtype)
    }
    context = contexts > 0 ? repeated(normal, contexts) : nil
    if function == .sample {
      input = nil
    } else {
      var arguments = ["seed": HostArray([1, 0] as [Int32], shape: [2])]
      if contexts > 0 { arguments["context"] = array(normal, [drawn, contexts]) }
      let sample = try flow.function(.sample, options)
      let draw = try sample(arguments, rows: drawn, firstRow: 0, threads: threads)
      var rows = draw["x"]?.doubles ?? []
      if function == .inverse { rows = rows.map { _ in generator.normal() } }
      input = repeated(rows, features)
    }
    results = function.signature.outputs(hasContext: contexts > 0).map { output in
      let columns = output.size.columns(features: features, context: contexts) ?? 1
      return AlignedNumbers([Double](repeating: 0, count: most * columns), dtype: dtype)
    }
    let seed = AlignedNumbers([1, 0], dtype: .i32)
    switch try flow.function(function, options) {
    case let bound as BoundFunction:
      let names = bound.compiled.function.arguments.map(\.name)
      body = { pointers, rows in
        try bound.call(
          arguments: names.map { name in
            switch name {
            case "x", "z": pointers.x
            case "context": pointers.context
            case "seed": UnsafeRawPointer(seed.pointer)
            default: nil
            }
          }, results: pointers.results, rows: rows, threads: threads)
      }
    case let call as ArtifactCall:
      body = { pointers, rows in
        try call.call(
          x: pointers.x, context: pointers.context, contextRows: contexts > 0 ? rows : 0, seed: 1,
          rows: rows, firstRow: 0, threads: threads, results: pointers.results)
      }
    default: throw ValidationError("\(function.rawValue) can't be timed")
    }
  }

  /// Calls the function again and again for so many seconds, and three times at least.
  func timed(rows: Int, seconds: Double) throws -> BenchLine {
    let pointers = Pointers(
      x: input.map { UnsafeRawPointer($0.pointer) },
      context: context.map { UnsafeRawPointer($0.pointer) }, results: results.map(\.pointer))
    try withExtendedLifetime(self) {
      try body(pointers, rows)
    }
    let clock = ContinuousClock()
    let start = clock.now
    var times: [Double] = []
    repeat {
      let before = clock.now
      try withExtendedLifetime(self) { try body(pointers, rows) }
      times.append((clock.now - before) / .seconds(1))
    } while times.count < 3 || (clock.now - start) / .seconds(1) < seconds
    times.sort()
    return BenchLine(
      function: function.rawValue, rows: rows, seconds: times[times.count / 2], calls: times.count)
  }
}

import FlowCodegen
import FlowIR
import FlowRuntime
import Flows

/// A flow with random parameters, and random rows for it.
struct Workload {
  let model: Model
  let rows: Int
  private let request: Request
  private let x: AlignedFloats
  private let context: AlignedFloats

  init(_ request: Request) throws {
    self.request = request
    model = try Model(request.flow, seed: 1)
    rows = request.rows ?? (model.features > 20 ? 65_536 : 524_288)
    x = AlignedFloats(count: rows * model.features, dtype: request.dtype)
    context = AlignedFloats(count: rows * model.context, dtype: request.dtype)
  }

  /// Scoring or sampling all rows, as a function of the number of threads.
  func throughput(_ function: FlowFunction) throws -> (Int) throws -> Void {
    let traced = model.trace(
      function, dtype: request.dtype, sharedContext: request.sharesContext && model.context > 0)
    let bound = try CompiledFunction(optimized(traced), cpu: request.cpu).bind(model.values)
    let compiled = bound.compiled.function
    let results = compiled.results.map {
      AlignedFloats(
        count: rows * compiled.type(of: $0.value).elementCount, dtype: request.dtype)
    }
    let seed = UnsafeMutablePointer<Int32>.allocate(capacity: 2)
    seed[0] = 1
    seed[1] = 2
    let memory = [
      "x": UnsafeRawPointer(x.pointer), "context": UnsafeRawPointer(context.pointer),
      "seed": UnsafeRawPointer(seed),
    ]
    let arguments = compiled.arguments.map { memory[$0.name] }
    return { threads in
      try bound.call(
        arguments: arguments, results: results.map(\.pointer),
        rows: rows, threads: threads)
    }
  }

  /// One step of training on a batch, as a function of the number of threads.
  func trainingStep(rows: Int) throws -> (Int) throws -> Void {
    let trainer = try model.trainer()
    let inputs = [
      "x": x.array(rows * model.features), "context": context.array(rows * model.context),
    ]
    return { try trainer.step(inputs, rows: rows, learningRate: 1e-4, threads: $0) }
  }

  /// Two for each non-zero weight that scoring a row multiplies by.
  func productFLOPs() throws -> Int {
    let function = try optimized(model.trace(.logProb))
    return function.operations.reduce(0) { sum, operation in
      guard case .linear(let mask) = operation.opcode else { return sum }
      let shape = function.type(of: operation.operands[1]).shape
      let vectors = function.type(of: operation.result).elementCount / shape[0]
      return sum + 2 * vectors * (mask?.count ?? shape[0] * shape[1])
    }
  }
}

/// Memory aligned to cache lines, filled with uniform numbers in (-2, 2).
final class AlignedFloats {
  let pointer: UnsafeMutableRawPointer

  init(count: Int, dtype: DType) {
    let size = dtype == .f64 ? 8 : 4
    pointer = .allocate(byteCount: max(count, 1) * size, alignment: 64)
    var generator = SeededGenerator(seed: 1)
    for index in 0..<count {
      let value = generator.uniform() * 4 - 2
      if dtype == .f64 {
        pointer.storeBytes(of: value, toByteOffset: index * size, as: Double.self)
      } else {
        pointer.storeBytes(of: Float(value), toByteOffset: index * size, as: Float.self)
      }
    }
  }

  deinit { pointer.deallocate() }

  func array(_ count: Int) -> [Float] {
    Array(UnsafeBufferPointer(start: pointer.assumingMemoryBound(to: Float.self), count: count))
  }
}

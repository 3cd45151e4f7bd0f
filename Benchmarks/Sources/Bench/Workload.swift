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

  /// Calls of one of an artifact's functions on all rows, as a function of the number of threads.
  func throughput(_ kind: ArtifactFunction) throws -> (Int) throws -> Void {
    let artifact = try CompiledArtifact(
      model, kind, dtype: request.dtype, cpu: request.cpu, prefix: "bench")
    let contextRows = model.context == 0 ? 0 : request.sharesContext ? 1 : rows
    let size = max(model.features, model.context, 1)
    let results = (0..<3).map { _ in AlignedFloats(count: rows * size, dtype: request.dtype) }
    let call = try artifact.call(
      kind, x: x.pointer, context: model.context == 0 ? nil : context.pointer, rows: rows,
      contextRows: contextRows, results: results.map(\.pointer))
    return { threads in
      withExtendedLifetime(results) {}
      artifact.setThreads(threads)
      try call()
    }
  }

  /// One step of training on a batch, as a function of the number of threads.
  func trainingStep(rows: Int) throws -> (Int) throws -> Void {
    let trainer = try model.trainer(batch: rows)
    let inputs = [
      "x": x.array(rows * model.features), "context": context.array(rows * model.context),
    ]
    return { try trainer.step(inputs, rows: rows, learningRate: 1e-4, threads: $0) }
  }

  /// Two for each non-zero weight that a function multiplies a row by; 0 for training, and for functions with
  /// quadratures, equations or roots, whose products are repeated as often as a row needs. An inverse by
  /// steps multiplies by each weight once, as scoring does.
  func productFLOPs(of kind: String) throws -> Int {
    guard kind != "train" else { return 0 }
    let function = try model.trace(.logProb).optimized().function
    let timed = kind == "sample" ? try model.trace(.sample).optimized().function : function
    guard function.operations.allSatisfy(\.regions.isEmpty),
      timed.operations.withRegions.allSatisfy({ !$0.isRepeated })
    else { return 0 }
    return function.operations.reduce(0) { sum, operation in
      guard case .linear(let mask) = operation.opcode else { return sum }
      let shape = function.type(of: operation.operands[1]).shape
      let vectors = function.type(of: operation.result).elementCount / shape[0]
      return sum + 2 * vectors * (mask?.count ?? shape[0] * shape[1])
    }
  }
}

extension TensorOperation {
  /// Whether it evaluates a region as often as a row needs: any but an inverse, whose steps compute each
  /// unit once.
  fileprivate var isRepeated: Bool {
    if case .autoregressiveInverse = opcode { return false }
    return !regions.isEmpty
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

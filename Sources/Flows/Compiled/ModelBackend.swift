import FlowCodegen
import FlowFiles
import FlowIR
import FlowRuntime
import Foundation
import Synchronization

/// Functions of a model, each compiled in this process when it is first called.
///
/// `Sendable` is unchecked because modules may hold closures that are not `Sendable`. Those run only while a
/// function is traced, one at a time under the lock, and never when it is called.
final class ModelBackend: FlowBackend, @unchecked Sendable {
  /// A function, for a context of each row or one that all share.
  private struct Key: Hashable {
    let function: ArtifactFunction
    let sharesContext: Bool
  }

  private let model: Model
  private let dtype: DType
  private let hasContext: Bool
  private let compiled = Mutex<[Key: BoundFunction]>([:])

  init(_ model: Model, dtype: DType) {
    self.model = model
    self.dtype = dtype
    hasContext = model.context > 0
  }

  func prepare(_ function: ArtifactFunction) throws(RuntimeError) {
    for shares in hasContext ? [false, true] : [false] { _ = try bound(function, shares) }
  }

  func run(_ call: FlowCall) throws(RuntimeError) {
    let shares = hasContext && call.contextRows == 1 && call.rows != 1 && !call.isGrouped
    let bound = try bound(call.function, shares)
    let seed = [UInt32(truncatingIfNeeded: call.seed), UInt32(call.seed >> 32)]
    try seed.withUnsafeBufferPointer { (seed) throws(RuntimeError) in
      let arguments = bound.compiled.function.arguments.map { argument -> UnsafeRawPointer? in
        guard argument.kind == .input else { return nil }
        return switch argument.name {
        case "context": call.context
        case "v": call.vectors
        case "seed": seed.baseAddress.map(UnsafeRawPointer.init)
        default: call.x  // The signature's input, x or z.
        }
      }
      try bound.call(
        arguments: arguments, results: call.results, rows: call.rows, firstRow: call.firstRow,
        groupSize: shares || call.contextRows == 0 ? 1 : call.rows / call.contextRows,
        threads: call.threads)
    }
  }

  func draw(_ draw: RowDraw) throws(RuntimeError) {
    let bound = try bound(.sample, hasContext && draw.rowsPerContext == 0)
    let seed = [UInt32(truncatingIfNeeded: draw.seed), UInt32(draw.seed >> 32)]
    try seed.withUnsafeBufferPointer { (seed) throws(RuntimeError) in
      let arguments = bound.compiled.function.arguments.map { argument -> UnsafeRawPointer? in
        guard argument.kind == .input else { return nil }
        return argument.name == "context"
          ? draw.context : seed.baseAddress.map(UnsafeRawPointer.init)
      }
      try bound.call(
        arguments: arguments, results: [draw.x, draw.logProb], rows: draw.rows,
        numbers: draw.numbers, groupSize: max(draw.rowsPerContext, 1), threads: draw.threads)
    }
  }

  /// A function with its parameters packed.
  private func bound(
    _ function: ArtifactFunction, _ sharesContext: Bool
  ) throws(RuntimeError) -> BoundFunction {
    let key = Key(function: function, sharesContext: sharesContext)
    return try compiled.withLock { (compiled) throws(RuntimeError) in
      if let known = compiled[key] { return known }
      let optimized: OptimizedFunction
      do {
        optimized = try model.function(
          .compiled(function), dtype: dtype, sharedContext: sharesContext)
      } catch {
        throw .unsupported("\(function.rawValue): \(error)")
      }
      let bound = try CompiledFunction(optimized, groups: "context").bind(model.values)
      compiled[key] = bound
      return bound
    }
  }

  func write(to path: String, prefix: String, cpu: TargetCPU) throws(RuntimeError) {
    let source = try compiled.withLock { (_) throws(RuntimeError) in
      do {
        return try model.artifactSource(prefix: prefix, dtype: dtype)
      } catch {
        throw RuntimeError.unsupported("\(path): \(error)")
      }
    }
    let place = URL(fileURLWithPath: path)
    let name = place.lastPathComponent
    let base = place.deletingPathExtension().lastPathComponent
    let short = base.hasPrefix("lib") && base.count > 3 ? String(base.dropFirst(3)) : base
    let header = place.deletingLastPathComponent().appendingPathComponent(short + ".h").path
    do {
      let outputs = Outputs()
      let (object, text) = (
        try outputs.open(path, isExecutable: true), try outputs.open(header)
      )
      let work = try object.workFolder() + "/object.so"
      try source.compile(to: work, named: name, cpu: cpu)
      try object.write(Data(contentsOf: URL(fileURLWithPath: work)))
      try text.write(source.header(name: short).utf8)
      try outputs.commit()
    } catch let error as RuntimeError {
      throw error
    } catch {
      throw .writeFailed(path: path, reason: "\(error)")
    }
  }
}

import FlowCodegen
import FlowIR

/// A function of a loaded artifact, called with host arrays as a function compiled in process is.
public final class ArtifactCall: Sendable {
  private typealias Status = Int32
  private typealias Output = UnsafeMutableRawPointer
  private typealias One =
    @convention(c) (UnsafeRawPointer?, UnsafeRawPointer?, Int64, Int64, Output?) -> Status
  private typealias Two =
    @convention(c) (UnsafeRawPointer?, UnsafeRawPointer?, Int64, Int64, Output?, Output?) -> Status
  private typealias Three =
    @convention(c) (
      UnsafeRawPointer?, UnsafeRawPointer?, Int64, Int64, Output?, Output?, Output?
    ) -> Status
  private typealias Product =
    @convention(c) (
      UnsafeRawPointer?, UnsafeRawPointer?, UnsafeRawPointer?, Int64, Int64, Output?, Output?,
      Output?
    ) -> Status
  private typealias Draw =
    @convention(c) (UInt64, Int64, UnsafeRawPointer?, Int64, Int64, Output?, Output?) -> Status
  private typealias Numbered =
    @convention(c) (
      UInt64, UnsafePointer<Int64>, UnsafeRawPointer?, Int64, Int64, Output?, Output?
    ) -> Status

  private let library: ArtifactLibrary
  private let kind: ArtifactFunction
  private let dtype: DType
  private let features: Int
  private let context: Int
  nonisolated(unsafe) private let address: UnsafeMutableRawPointer

  init?(
    _ library: ArtifactLibrary, _ kind: ArtifactFunction, dtype: DType, features: Int, context: Int
  ) {
    guard let address = library.symbol(kind.rawValue) else { return nil }
    self.library = library
    self.kind = kind
    self.dtype = dtype
    self.features = features
    self.context = context
    self.address = address
  }

  /// Calls the function.
  ///
  /// Inputs and results have the names of the function's signature; a `seed` is two 32-bit words. A
  /// `context` is a vector if all rows share one, else it has a row for each of them, or for each group of
  /// consecutive rows.
  ///
  /// - Throws: `RuntimeError` for missing or mis-shaped inputs, or if the call fails.
  public func callAsFunction(
    _ inputs: [String: HostArray], rows: Int, firstRow: Int = 0, threads: Int? = nil
  ) throws(RuntimeError) -> [String: HostArray] {
    let conditions = try contexts(inputs, rows: rows)
    let input = kind == .sample ? nil : try self.input(kind.signature.input, inputs, rows: rows)
    let vectors = try kind.signature.vectors.map { (name) throws(RuntimeError) in
      try self.input(name, inputs, rows: rows)
    }
    let outputs = kind.signature.outputs(hasContext: context > 0).map { output in
      let columns = output.size.columns(features: features, context: context) ?? 1
      return (
        output.name, output.size == .one ? [rows] : [rows, columns],
        AlignedBytes(count: rows * columns * dtype.byteCount)
      )
    }
    try call(
      x: input.map { UnsafeRawPointer($0.pointer) },
      vectors: vectors.map { UnsafeRawPointer($0.pointer) },
      context: conditions.bytes.map { UnsafeRawPointer($0.pointer) },
      contextRows: conditions.rows, isGrouped: conditions.isGrouped,
      seed: kind == .sample ? try seed(inputs) : 0,
      rows: rows, firstRow: firstRow, threads: threads, results: outputs.map { $0.2.pointer })
    // The inputs' memory must outlive the call.
    withExtendedLifetime((conditions.bytes, input, vectors)) {}
    return Dictionary(
      uniqueKeysWithValues: outputs.map { ($0.0, $0.2.array(shape: $0.1, dtype: dtype)) })
  }

  /// Calls the function on memory of the caller's, row-major in the artifact's float type.
  ///
  /// - Parameters:
  ///   - x: the rows of x, or of z; nil for samples.
  ///   - vectors: a vector for each row, for functions that take them.
  ///   - context: the rows of the context; nil without one.
  ///   - contextRows: as many as there are rows, 1 if all share one, or another divisor of the rows, for a
  ///     context for each group of consecutive rows.
  ///   - isGrouped: whether each context is that of a group of rows even if there is only one; else what
  ///     depends on a single context is computed once, and rounded in another order.
  ///   - seed: decides samples.
  ///   - rows: the number of rows.
  ///   - firstRow: the number of the first row in the sample.
  ///   - threads: how many threads to use; one per processor if nil.
  ///   - results: where each result goes, in the order of the C interface.
  /// - Throws: `RuntimeError.callFailed`.
  public func call(
    x: UnsafeRawPointer?, vectors: UnsafeRawPointer? = nil, context: UnsafeRawPointer?,
    contextRows: Int, isGrouped: Bool = false,
    seed: UInt64, rows: Int, firstRow: Int, threads: Int?, results: [UnsafeMutableRawPointer]
  ) throws(RuntimeError) {
    setThreads(threads)
    let (count, contextRows) = (Int64(rows), Int64(contextRows))
    let status: Status
    switch kind {
    case .logProb:
      status = unsafeBitCast(address, to: One.self)(x, context, count, contextRows, results[0])
    case .transform, .inverse:
      status = unsafeBitCast(address, to: Two.self)(
        x, context, count, contextRows, results[0], results[1])
    case .logProbGradient:
      status = unsafeBitCast(address, to: Three.self)(
        x, context, count, contextRows, results[0], results[1],
        results.count > 2 ? results[2] : nil)
    case .logProbHVP:
      status = unsafeBitCast(address, to: Product.self)(
        x, context, vectors, count, contextRows, results[0], results[1], results[2])
    case .sample where isGrouped && contextRows < count:
      let name = "sample_each"
      guard let each = library.symbol(name) else {
        throw .missingFunction(path: library.path, name: name, known: [kind.rawValue])
      }
      status = unsafeBitCast(each, to: Draw.self)(
        seed, Int64(firstRow), context, contextRows, count / contextRows, results[0], results[1])
    case .sample:
      status = unsafeBitCast(address, to: Draw.self)(
        seed, Int64(firstRow), context, count, contextRows, results[0], results[1])
    }
    if status != 0 { throw .callFailed(lastError) }
  }

  /// Draws rows of given numbers of a seed's sample, on memory of the caller's.
  ///
  /// - Parameters:
  ///   - seed: decides the sample.
  ///   - numbers: the number of each row in the sample.
  ///   - context: the contexts; nil without one.
  ///   - rows: how many rows.
  ///   - rowsPerContext: how many consecutive rows each context serves; 0 if one serves all.
  ///   - threads: how many threads to use; one per processor if nil.
  ///   - x: where the rows go.
  ///   - logProb: where their log-densities go.
  /// - Throws: `RuntimeError.missingFunction` if the artifact is older than this function;
  ///   `RuntimeError.callFailed`.
  public func callRows(
    seed: UInt64, numbers: UnsafePointer<Int64>, context: UnsafeRawPointer?, rows: Int,
    rowsPerContext: Int, threads: Int?, x: UnsafeMutableRawPointer,
    logProb: UnsafeMutableRawPointer
  ) throws(RuntimeError) {
    setThreads(threads)
    guard let address = library.symbol("sample_rows") else {
      throw .missingFunction(path: library.path, name: "sample_rows", known: [kind.rawValue])
    }
    let status = unsafeBitCast(address, to: Numbered.self)(
      seed, numbers, context, Int64(rows), Int64(rowsPerContext), x, logProb)
    if status != 0 { throw .callFailed(lastError) }
  }

  private func bytes(_ array: HostArray) -> AlignedBytes {
    dtype == .f64 ? AlignedBytes(array.doubles) : AlignedBytes(array.floats)
  }

  private func input(
    _ name: String, _ inputs: [String: HostArray], rows: Int
  ) throws(RuntimeError) -> AlignedBytes {
    guard let array = inputs[name] else { throw .missingArgument(name) }
    guard array.shape == [rows, features] else {
      throw .shape(argument: name, found: array.shape, expected: [rows, features])
    }
    return bytes(array)
  }

  private func contexts(
    _ inputs: [String: HostArray], rows: Int
  ) throws(RuntimeError) -> (bytes: AlignedBytes?, rows: Int, isGrouped: Bool) {
    if context == 0 { return (nil, 0, false) }
    guard let array = inputs["context"] else { throw .missingArgument("context") }
    if array.shape == [context] { return (bytes(array), 1, false) }
    guard array.shape.count == 2, array.shape[1] == context,
      array.shape[0] == rows || array.shape[0] > 0 && rows % array.shape[0] == 0
    else { throw .shape(argument: "context", found: array.shape, expected: [rows, context]) }
    return (bytes(array), array.shape[0], true)
  }

  private func seed(_ inputs: [String: HostArray]) throws(RuntimeError) -> UInt64 {
    guard let array = inputs["seed"] else { throw .missingArgument("seed") }
    guard array.shape == [2] else {
      throw .shape(argument: "seed", found: array.shape, expected: [2])
    }
    let words = try array.integers(of: "seed").map { UInt64(UInt32(bitPattern: $0)) }
    return words[0] | words[1] << 32
  }

  private func setThreads(_ threads: Int?) {
    typealias SetThreads = @convention(c) (Int32) -> Void
    guard let set = library.symbol("set_threads") else { return }
    unsafeBitCast(set, to: SetThreads.self)(CompiledFunction.threadCount(threads))
  }

  private var lastError: String {
    typealias Text = @convention(c) () -> UnsafePointer<CChar>
    guard let text = library.symbol("last_error") else { return "" }
    return "\(library.path): " + String(cString: unsafeBitCast(text, to: Text.self)())
  }
}

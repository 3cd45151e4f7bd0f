import FlowCodegen
import FlowIR
import FlowRuntime

/// A flow in machine code: it scores, samples, transforms, inverts and differentiates.
///
/// It comes from a model, whose functions are compiled in this process, each when it is first called, or
/// from a shared object that `write(to:)` or `flowir compile` made, which needs no compiler. It keeps the
/// parameter values of the moment when it was made. Calls from many tasks may overlap; results have the same
/// bits at any number of threads.
///
///     let compiled = try flow.compiled()
///     let logProb = try compiled.logProb(x, context: c)
///     let draw = try compiled.sample(1_000, context: c[0], seed: 1)
///
/// `x` and `z` have `features` columns, `context` has `context` columns and as many rows as `x`, or one
/// that all share, or another divisor of their number: then each context is that of a group of consecutive
/// rows, as if it were repeated. The results of a row that contains a NaN are NaN.
public struct CompiledFlow<Scalar: FlowScalar>: Sendable {
  /// The number of features.
  public let features: Int
  /// The number of context features; 0 for none.
  public let context: Int
  let backend: any FlowBackend

  init(features: Int, context: Int, backend: any FlowBackend) {
    self.features = features
    self.context = context
    self.backend = backend
  }

  /// Loads a shared object. Nothing is compiled.
  ///
  /// - Throws: `RuntimeError` if it is not a compiled flow, can't be loaded, or computes in another type.
  public init(contentsOf path: String) throws(RuntimeError) {
    try self.init(CompiledArtifact(path: path))
  }

  /// A loaded shared object as a flow of its float type.
  ///
  /// - Throws: `RuntimeError.notAnArtifact` if it computes in another type.
  public init(_ artifact: CompiledArtifact) throws(RuntimeError) {
    guard artifact.dtype == Scalar.dtype else {
      throw .notAnArtifact(
        path: artifact.path,
        reason: "computes in \(artifact.dtype.rawValue), not in \(Scalar.dtype.rawValue)")
    }
    self.init(
      features: artifact.features, context: artifact.context,
      backend: ArtifactBackend(artifact: artifact))
  }

  /// Compiles functions now instead of when they are first called.
  ///
  /// - Throws: `RuntimeError` if there is no compiler, or a loaded flow has no such function.
  public func prepare(
    _ functions: [ArtifactFunction] = ArtifactFunction.standard
  ) throws(RuntimeError) {
    for function in functions { try backend.prepare(function) }
  }

  /// Writes a shared object with a C interface, `libNAME.so`, and its header `NAME.h` beside it.
  ///
  /// - Parameters:
  ///   - path: the path of the object.
  ///   - prefix: the prefix of the names of its functions.
  ///   - cpu: the processor to compile for.
  /// - Throws: `RuntimeError` if there is no compiler or a file can't be written.
  public func write(
    to path: String, prefix: String = ArtifactSource.defaultPrefix, cpu: TargetCPU = .native
  ) throws(RuntimeError) {
    try backend.write(to: path, prefix: prefix, cpu: cpu)
  }

  /// Calls a function that reads rows, after checking the shapes of everything; the results are in the
  /// order of its signature.
  func call(
    _ function: ArtifactFunction, _ x: Rows<Scalar>, vectors: UnsafePointer<Scalar>? = nil,
    _ context: Rows<Scalar>?, _ threads: Int?, into results: [UnsafeMutableBufferPointer<Scalar>]
  ) throws(RuntimeError) {
    guard x.columns == features else {
      throw .shape(
        argument: function.signature.input, found: [x.count, x.columns],
        expected: [x.count, features])
    }
    try x.withUnsafeBufferPointer { (buffer) throws(RuntimeError) in
      try call(
        function, x: buffer.baseAddress, vectors: vectors, rows: x.count, context, seed: 0,
        firstRow: 0, threads,
        into: results)
    }
  }

  /// Calls a function after checking the shapes of the context and the results.
  func call(
    _ function: ArtifactFunction, x: UnsafePointer<Scalar>?,
    vectors: UnsafePointer<Scalar>? = nil, rows: Int, _ context: Rows<Scalar>?,
    isGrouped: Bool = false, seed: UInt64, firstRow: Int, _ threads: Int?,
    into results: [UnsafeMutableBufferPointer<Scalar>]
  ) throws(RuntimeError) {
    guard threads ?? 1 > 0 else { throw .callFailed("\(threads ?? 0) threads; use 1 or more") }
    switch context {
    case let given? where self.context == 0:
      throw .shape(argument: "context", found: [given.count, given.columns], expected: [])
    case nil where self.context > 0: throw .missingArgument("context")
    case let given?:
      let fits = given.count == rows || given.count > 0 && rows % given.count == 0
      guard given.columns == self.context, fits else {
        throw .shape(
          argument: "context", found: [given.count, given.columns], expected: [rows, self.context])
      }
    case nil: break
    }
    let outputs = function.signature.outputs(hasContext: self.context > 0)
    for (output, buffer) in zip(outputs, results) {
      let size = rows * (output.size.columns(features: features, context: self.context) ?? 1)
      guard buffer.count == size else {
        throw .shape(argument: output.name, found: [buffer.count], expected: [size])
      }
    }
    guard rows > 0 else { return }
    let pointers = results.compactMap { $0.baseAddress.map(UnsafeMutableRawPointer.init) }
    func run(_ contextBuffer: UnsafeBufferPointer<Scalar>?) throws(RuntimeError) {
      try backend.run(
        FlowCall(
          function: function, x: x.map(UnsafeRawPointer.init),
          vectors: vectors.map(UnsafeRawPointer.init),
          context: (contextBuffer?.baseAddress).map(UnsafeRawPointer.init),
          contextRows: context?.count ?? 0, isGrouped: isGrouped, seed: seed, rows: rows,
          firstRow: firstRow,
          threads: threads, results: pointers))
    }
    guard let context else { return try run(nil) }
    try context.withUnsafeBufferPointer { (buffer) throws(RuntimeError) in try run(buffer) }
  }
}

extension Model {
  /// The flow in machine code, with the current parameter values.
  ///
  /// - Parameter scalar: the type that it computes in.
  /// - Throws: `RuntimeError` if there is no compiler.
  public func compiled<Scalar: FlowScalar>(
    _ scalar: Scalar.Type = Float.self
  ) throws(RuntimeError) -> CompiledFlow<Scalar> {
    try CompiledFunction.requireCompiler()
    return CompiledFlow(
      features: features, context: context, backend: ModelBackend(self, dtype: Scalar.dtype))
  }
}

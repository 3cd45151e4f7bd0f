import FlowCodegen
import FlowIR
import FlowRuntime

/// One call on the caller's memory, row-major in the flow's float type.
struct FlowCall {
  /// The function.
  let function: ArtifactFunction
  /// The rows of x, or of z; nil for samples.
  let x: UnsafeRawPointer?
  /// A vector for each row, for functions that take them.
  let vectors: UnsafeRawPointer?
  /// The rows of the context; nil for a flow without.
  let context: UnsafeRawPointer?
  /// As many as there are rows, 1 if all share one, or another divisor of the rows.
  let contextRows: Int
  /// Whether each context is that of a group of rows even if there is only one.
  let isGrouped: Bool
  /// Decides samples.
  let seed: UInt64
  /// The number of rows.
  let rows: Int
  /// The number of the first row in the sample.
  let firstRow: Int
  /// How many threads to use; one per processor if nil.
  let threads: Int?
  /// Where each result goes, in the order of the C interface.
  let results: [UnsafeMutableRawPointer]
}

/// A draw of rows of given numbers of a seed's sample.
struct RowDraw {
  /// Decides the sample.
  let seed: UInt64
  /// The number of each row in the sample.
  let numbers: UnsafePointer<Int64>
  /// How many rows.
  let rows: Int
  /// The contexts; nil for a flow without.
  let context: UnsafeRawPointer?
  /// How many consecutive rows each context serves; 0 if one serves all, or there is none.
  let rowsPerContext: Int
  /// How many threads to use; one per processor if nil.
  let threads: Int?
  /// Where the rows go.
  let x: UnsafeMutableRawPointer
  /// Where their log-densities go.
  let logProb: UnsafeMutableRawPointer
}

/// An implementation of a compiled flow's functions. Calls may overlap.
protocol FlowBackend: Sendable {
  /// Makes a function ready to be called.
  func prepare(_ function: ArtifactFunction) throws(RuntimeError)
  /// Calls a function.
  func run(_ call: FlowCall) throws(RuntimeError)
  /// Draws rows by their numbers.
  func draw(_ draw: RowDraw) throws(RuntimeError)
  /// Writes a shared object with a C interface, and its header.
  func write(to path: String, prefix: String, cpu: TargetCPU) throws(RuntimeError)
}

/// The functions of a loaded artifact.
struct ArtifactBackend: FlowBackend {
  let artifact: CompiledArtifact

  func prepare(_ function: ArtifactFunction) throws(RuntimeError) {
    _ = try artifact.function(function)
  }

  func run(_ call: FlowCall) throws(RuntimeError) {
    try artifact.function(call.function).call(
      x: call.x, vectors: call.vectors, context: call.context, contextRows: call.contextRows,
      isGrouped: call.isGrouped, seed: call.seed, rows: call.rows, firstRow: call.firstRow,
      threads: call.threads, results: call.results)
  }

  func draw(_ draw: RowDraw) throws(RuntimeError) {
    try artifact.function(.sample).callRows(
      seed: draw.seed, numbers: draw.numbers, context: draw.context, rows: draw.rows,
      rowsPerContext: draw.rowsPerContext, threads: draw.threads, x: draw.x, logProb: draw.logProb)
  }

  func write(to path: String, prefix: String, cpu: TargetCPU) throws(RuntimeError) {
    throw .unsupported(
      "\(path): a flow that was loaded from a shared object can't be written; copy the object")
  }
}

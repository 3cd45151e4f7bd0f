import FlowCodegen
import FlowIR
import FlowPasses
import Foundation

/// A function of the intermediate representation as native code.
///
/// Calls are thread-safe and give the same bits at any number of threads.
public final class CompiledFunction: @unchecked Sendable {
  typealias Prepare =
    @convention(c) (
      UnsafePointer<UnsafeRawPointer?>, UnsafeMutableRawPointer, Int32
    ) -> Void
  typealias Run =
    @convention(c) (
      UnsafePointer<UnsafeRawPointer?>, UnsafePointer<UnsafeMutableRawPointer?>,
      UnsafeMutableRawPointer, Int64, Int64, Int32
    ) -> Int32

  /// The function that was compiled.
  public let function: Function
  /// The float type that it computes in.
  public let dtype: DType
  /// The index of the argument with a row for each group of rows; nil if there is none.
  let groupedInput: Int?
  /// Whether calls take numbers of rows.
  let drawsRows: Bool
  let stateBytes: Int
  let prepare: Prepare
  let run: Run
  /// The counters of the nodes' times, if the function was compiled for profiling.
  public let counters: NodeCounters?

  /// Compiles a function whose passes have run, or takes its object from the cache.
  ///
  /// A row of the input named `groups` serves as many consecutive rows as a call states (one, if it states
  /// nothing). The machine must be able to run code for `cpu`. With `profiling` the code measures the time of each
  /// node of the tile program, which slows it down a little. `rows` is the number of rows that most calls have, if
  /// it is known: if they are few, tiles are made short, so that all threads have some. Calls may have any number.
  ///
  /// - Throws: `RuntimeError` if there is no compiler or OpenMP runtime, or the function has an
  ///   operation that can't be compiled.
  public init(
    _ optimized: OptimizedFunction, groups: String? = nil, cpu: TargetCPU = .native,
    profiling: Bool = false, rows: Int? = nil
  ) throws(RuntimeError) {
    let function = optimized.function
    self.function = function
    let program: TileProgram
    do {
      program = try TileProgram(lowering: function, groups: groups)
    } catch {
      throw .unsupported("\(error)")
    }
    dtype = program.dtype
    groupedInput = program.groupedInput
    drawsRows = program.drawsRows
    let file = CFile(program, name: "flow", profiling: profiling)
    stateBytes = program.stateElements * dtype.byteCount
    let text = Self.source(file, dtype: dtype, rows: rows)
    let path = try ObjectCache().object(for: text, toolchain: try .find(), cpu: cpu)
    guard let handle = dlopen(path, RTLD_NOW | RTLD_LOCAL) else {
      throw .loading(path, String(cString: dlerror()))
    }
    guard let prepare = dlsym(handle, "flow_prepare"), let run = dlsym(handle, "flow_run") else {
      throw .loadFailed(path: path, reason: "its entry points are missing")
    }
    counters = profiling ? try NodeCounters(program, handle: handle, path: path) : nil
    self.prepare = unsafeBitCast(prepare, to: Prepare.self)
    self.run = unsafeBitCast(run, to: Run.self)
  }

  /// Makes sure that there is a compiler.
  ///
  /// - Throws: `RuntimeError.noCompiler` or `.noOpenMP`.
  public static func requireCompiler() throws(RuntimeError) { _ = try Toolchain.find() }

  /// The whole C file: the kernels that the function uses, then the function.
  public static func source(_ file: CFile, dtype: DType, rows: Int? = nil) -> String {
    let text = file.text
    return KernelHeaders.text(for: text, dtype: dtype, rows: rows) + "\n" + text
  }

  /// The function with its parameters packed, ready to be called many times.
  ///
  /// - Throws: `RuntimeError` if a parameter is missing or has the wrong shape.
  public func bind(_ parameters: [String: HostArray] = [:], threads: Int? = nil)
    throws(RuntimeError) -> BoundFunction
  {
    try BoundFunction(self, parameters: parameters, threads: threads ?? Self.defaultThreads)
  }

  /// Binds the parameters and calls the function once.
  public func callAsFunction(
    _ arguments: [String: HostArray], rows: Int, firstRow: Int = 0, threads: Int? = nil
  ) throws(RuntimeError) -> [String: HostArray] {
    let names = Set(function.arguments.filter { $0.kind != .input }.map(\.name))
    let bound = try bind(arguments.filter { names.contains($0.key) }, threads: threads)
    return try bound(
      arguments.filter { !names.contains($0.key) }, rows: rows, firstRow: firstRow,
      threads: threads)
  }

  /// One thread for each processor that this process may use.
  public static var defaultThreads: Int { ProcessInfo.processInfo.activeProcessorCount }

  /// A number of threads as the compiled code takes it; the OpenMP runtime ends the process where it
  /// can't have as many as it is asked for, so there are never more than 1024.
  static func threadCount(_ threads: Int?) -> Int32 {
    Int32(min(max(threads ?? defaultThreads, 1), 1024))
  }
}

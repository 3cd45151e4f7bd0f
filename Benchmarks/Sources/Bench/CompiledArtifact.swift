import FlowCodegen
import FlowIR
import FlowRuntime
import Flows
import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A model compiled to a shared object with one function, called through its C interface.
struct CompiledArtifact {
  private let handle: UnsafeMutableRawPointer
  private let prefix: String

  init(
    _ model: Model, _ kind: ArtifactFunction, dtype: DType, cpu: TargetCPU, prefix: String
  ) throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
      "bench-\(getpid())-\(UInt32.random(in: 0...UInt32.max))")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    // What is loaded stays when its file is gone.
    defer { try? FileManager.default.removeItem(at: folder) }
    let source = try model.artifactSource(functions: [kind], prefix: prefix, dtype: dtype)
    let path = folder.appendingPathComponent("libbench.so").path
    try source.compile(to: path, named: "libbench.so", cpu: cpu)
    guard let handle = dlopen(path, RTLD_NOW | RTLD_LOCAL) else {
      throw RuntimeError.loadFailed(path: path, reason: String(cString: dlerror()))
    }
    self.handle = handle
    self.prefix = prefix
  }

  private func symbol<Signature>(_ name: String, _ type: Signature.Type) throws -> Signature {
    guard let address = dlsym(handle, prefix + "_" + name) else {
      throw RuntimeError.missingFunction(path: prefix, name: name, known: [])
    }
    return unsafeBitCast(address, to: type)
  }

  func setThreads(_ threads: Int) {
    typealias Set = @convention(c) (Int32) -> Void
    if let set = try? symbol("set_threads", Set.self) { set(Int32(threads)) }
  }

  /// The call of a function on memory that stays in place; results are in the interface's order.
  func call(
    _ kind: ArtifactFunction, x: UnsafeMutableRawPointer, context: UnsafeMutableRawPointer?,
    rows: Int, contextRows: Int, results: [UnsafeMutableRawPointer]
  ) throws -> () throws -> Void {
    typealias Pointer = UnsafeMutableRawPointer
    typealias One = @convention(c) (Pointer, Pointer?, Int64, Int64, Pointer) -> Int32
    typealias Two = @convention(c) (Pointer, Pointer?, Int64, Int64, Pointer, Pointer) -> Int32
    typealias Three =
      @convention(c) (Pointer, Pointer?, Int64, Int64, Pointer, Pointer, Pointer) -> Int32
    typealias Draw =
      @convention(c) (UInt64, Int64, Pointer?, Int64, Int64, Pointer, Pointer) -> Int32
    let (n, m) = (Int64(rows), Int64(contextRows))
    let run: () -> Int32
    switch kind {
    case .logProb:
      let function = try symbol(kind.rawValue, One.self)
      run = { function(x, context, n, m, results[0]) }
    case .transform, .inverse:
      let function = try symbol(kind.rawValue, Two.self)
      run = { function(x, context, n, m, results[0], results[1]) }
    case .logProbGradient:
      let function = try symbol(kind.rawValue, Three.self)
      run = { function(x, context, n, m, results[0], results[1], results[2]) }
    case .logProbHVP: throw RuntimeError.unsupported("\(kind.rawValue) is not measured")
    case .sample:
      let function = try symbol(kind.rawValue, Draw.self)
      run = { function(1, 0, context, n, m, results[0], results[1]) }
    }
    return {
      if run() != 0 { throw RuntimeError.callFailed(kind.rawValue) }
    }
  }
}

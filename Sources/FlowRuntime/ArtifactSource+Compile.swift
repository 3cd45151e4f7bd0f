import FlowCodegen
import Foundation

extension ArtifactSource {
  /// The whole C file.
  public var text: [UInt8] {
    text(kernels: KernelHeaders.text(dtype: dtype), hash: ObjectCache.hash)
  }

  /// Compiles a C file that `text` gave to a shared object.
  ///
  /// - Parameters:
  ///   - text: the C file.
  ///   - path: where the object goes; it is not there yet if the compiler fails.
  ///   - name: the object's file name in its place, which programs linked with it look for.
  /// - Throws: `RuntimeError` if there is no compiler or OpenMP runtime, or compiling fails.
  public func compile(
    _ text: [UInt8], to path: String, named name: String, cpu: TargetCPU = .native
  ) throws(RuntimeError) {
    let toolchain = try Toolchain.find()
    let source = path + ".c"
    defer { try? FileManager.default.removeItem(atPath: source) }
    do {
      try Data(text).write(to: URL(fileURLWithPath: source))
    } catch {
      throw .writeFailed(path: source, reason: error.localizedDescription)
    }
    try toolchain.compile(
      source: source, output: path, cpu: cpu,
      definitions: ["-DFLOW_CPU=\"\(cpu.rawValue)\""], name: name, exported: prefix + "_*")
  }
}

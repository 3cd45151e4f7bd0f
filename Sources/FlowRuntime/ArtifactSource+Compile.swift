import FlowCodegen
import Foundation

extension ArtifactSource {
  /// The whole C file, the weights inside.
  public var text: [UInt8] {
    text(kernels: KernelHeaders.text(dtype: dtype), hash: ObjectCache.hash)
  }

  /// Compiles to a shared object.
  ///
  /// The compiler reads the C file without its weights, which the assembler adds as they are: the
  /// object does what that of `text` does, in a fraction of the time where weights are many. Functions
  /// that differentiate are compiled beside the others.
  ///
  /// - Parameters:
  ///   - path: where the object goes; it is not there yet if the compiler fails.
  ///   - name: the object's file name in its place, which programs linked with it look for.
  ///   - cpu: the processor.
  /// - Throws: `RuntimeError` if there is no compiler or OpenMP runtime, or compiling fails.
  public func compile(
    to path: String, named name: String, cpu: TargetCPU = .native
  ) throws(RuntimeError) {
    let toolchain = try Toolchain.find()
    let weights = path + ".weights"
    let file = units(
      kernels: KernelHeaders.text(dtype: dtype), hash: ObjectCache.hash,
      weightsIn: URL(fileURLWithPath: weights).path)
    let sources = file.units.indices.map { "\(path).\($0).c" }
    defer {
      for file in sources + [weights] { try? FileManager.default.removeItem(atPath: file) }
    }
    for (bytes, place) in zip(file.units + [file.weights], sources + [weights]) {
      do {
        try Data(bytes).write(to: URL(fileURLWithPath: place))
      } catch {
        throw .writeFailed(path: place, reason: error.localizedDescription)
      }
    }
    try toolchain.compile(
      sources: sources, output: path, for: .artifact(name: name, exported: prefix + "_*"),
      cpu: cpu)
  }
}

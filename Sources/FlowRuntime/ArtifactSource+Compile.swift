import FlowCodegen
import FlowFiles
import Foundation

extension ArtifactSource {
  /// The whole C file, the weights inside.
  public var text: [UInt8] {
    text(kernels: { KernelHeaders.text(for: $0, dtype: dtype) }, hash: ObjectCache.hash)
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
    try compile(to: path, named: name) { kernels, weights in
      let file = units(kernels: kernels, hash: ObjectCache.hash, weightsIn: weights)
      return (file.units.map { ($0, cpu) }, file.weights)
    }
  }

  /// Compiles to a shared object that has a version for each of several processors, and chooses when it is
  /// loaded: the best that the processor can run, or the one that the environment's `FLOWIR_CPU` names.
  ///
  /// It has the interface of an object for one processor, and the versions share the weights. Each gives the
  /// bits that an object for its processor alone gives; those of two processors may differ in rounding.
  ///
  /// - Parameters:
  ///   - path: where the object goes; it is not there yet if the compiler fails.
  ///   - name: the object's file name in its place, which programs linked with it look for.
  ///   - cpus: the processors, in any order; not `native`, which is not known to other machines.
  /// - Throws: `RuntimeError` if there is no compiler or OpenMP runtime, or compiling fails.
  public func compile(
    to path: String, named name: String, cpus: [TargetCPU]
  ) throws(RuntimeError) {
    precondition(!cpus.isEmpty, "an artifact is for at least one processor")
    guard cpus.count > 1 else { return try compile(to: path, named: name, cpu: cpus[0]) }
    let best = TargetCPU.allCases.reversed().filter { cpus.contains($0) }
    precondition(!best.contains(.native), "a version for native is an object of its own")
    try compile(to: path, named: name) { kernels, weights in
      let file = versions(
        best.map(\.rawValue), kernels: kernels, hash: ObjectCache.hash, weightsIn: weights)
      let versions = zip(file.units, best).flatMap { units, cpu in units.map { ($0, cpu) } }
      return (versions + [(file.chooser, .x86Base)], file.weights)
    }
  }

  /// Compiles translation units, each for its processor; the weights lie in a file meanwhile.
  private func compile(
    to path: String, named name: String,
    _ file: (_ kernels: (String) -> String, _ weights: String) -> (
      units: [(text: [UInt8], cpu: TargetCPU)], weights: [UInt8]
    )
  ) throws(RuntimeError) {
    let toolchain = try Toolchain.find()
    let weights = path + ".weights"
    let file = file(
      { KernelHeaders.text(for: $0, dtype: dtype) }, URL(fileURLWithPath: weights).path)
    let sources = file.units.enumerated().map {
      Toolchain.Source(path: "\(path).\($0).c", cpu: $1.cpu)
    }
    let places = sources.map(\.path) + [weights]
    defer { for file in places { try? FileManager.default.removeItem(atPath: file) } }
    for (bytes, place) in zip(file.units.map(\.text) + [file.weights], places) {
      // Foundation's Data.write has left out bytes of weights beyond 2 GB, without an error.
      do throws(FileError) {
        try Outputs.writeIntermediate(bytes, to: place)
      } catch {
        throw .writeFailed(path: place, reason: error.description)
      }
    }
    try toolchain.compile(
      sources: sources, output: path, for: .artifact(name: name, exported: prefix + "_*"))
  }
}

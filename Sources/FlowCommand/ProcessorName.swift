import ArgumentParser
import FlowRuntime

extension TargetCPU {
  /// The names, as help lists them.
  static let choices = "native, x86-64, x86-64-v3 (AVX2) or x86-64-v4 (AVX-512)"

  /// The processor of a name.
  ///
  /// - Throws: `ValidationError` that says which there are.
  init(named name: String) throws {
    guard let known = TargetCPU(rawValue: name) else {
      let all = TargetCPU.allCases.map(\.rawValue).joined(separator: ", ")
      throw ValidationError("unknown processor '\(name)'; the processors are \(all)")
    }
    self = known
  }

  /// The processor of a name, whose code this machine can run.
  ///
  /// - Throws: `ValidationError` that says which those are.
  init(runnable name: String) throws {
    try self.init(named: name)
    let possible = [.native] + TargetCPU.runnable
    guard possible.contains(self) else {
      throw ValidationError(
        "this machine can't run its code; it runs that of "
          + possible.map(\.rawValue).joined(separator: ", "))
    }
  }
}

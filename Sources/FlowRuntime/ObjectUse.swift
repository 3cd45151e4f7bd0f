import FlowCodegen
import FlowFiles
import Foundation

/// What a shared object is for, which decides how it is linked.
enum ObjectUse {
  /// It is loaded by this user on this machine, so it may say where the OpenMP runtime lies.
  case cache
  /// It is shipped. Programs linked with it look for it under `name`; of its symbols only those that
  /// match the pattern `exported` are visible.
  case artifact(name: String, exported: String)

  /// The flags that define what the C of such an object wants to know of its compilation.
  func definitions(cpu: TargetCPU) -> [String] {
    switch self {
    case .cache: []
    case .artifact: ["-DFLOW_CPU=\"\(cpu.rawValue)\""]
    }
  }

  /// The words for the linker.
  ///
  /// - Parameter script: where to write a script for the linker, if one is needed.
  /// - Throws: `RuntimeError.writeFailed` if it can't be written.
  func linking(openMP: Toolchain.OpenMP, script: String) throws(RuntimeError) -> [String] {
    switch self {
    case .cache: return openMP.unusualFolder.map { ["-rpath", $0] } ?? []
    case .artifact(let name, let exported):
      #if canImport(Darwin)
        return ["-install_name", "@rpath/\(name)"]
      #else
        // The linker's own symbols, such as _edata, are hidden too.
        let text = "{ global: \(exported); local: *; };\n"
        do throws(FileError) {
          try Outputs.writeIntermediate(Array(text.utf8), to: script)
        } catch {
          throw .writeFailed(path: script, reason: error.description)
        }
        return ["-soname", name, "--version-script=\(script)"]
      #endif
    }
  }
}

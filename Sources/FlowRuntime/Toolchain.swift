import Foundation

/// The C compiler and the OpenMP runtime of this machine.
struct Toolchain {
  /// The compiler, and the words before the arguments, as `CC` may hold them (`ccache gcc -m64`).
  let compiler: CompilerCommand
  let openMP: OpenMP

  /// The runtime that objects are linked with.
  enum OpenMP: Equatable {
    /// The shared library at a path: libomp, or whatever has its interface.
    case library(String)
    /// The runtime that comes with GCC, which only code that GCC compiled can use.
    case libgomp

    var linking: String {
      switch self {
      case .library(let path): path
      case .libgomp: "-fopenmp"
      }
    }

    /// The folder that the loader must be told of, since the runtime lies where it does not look by
    /// itself, as one that came with a Python package does; nil if there is none.
    var unusualFolder: String? {
      guard case .library(let path) = self else { return nil }
      let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
      return Toolchain.folders.contains(folder) ? nil : folder
    }
  }

  /// The flags for a processor.
  ///
  /// Contraction to fused multiply-adds is wanted; everything else keeps IEEE semantics, NaN and
  /// infinities included. The code throws no exceptions, so the tables for unwinding the stack, a
  /// sixteenth of the object, are left out. Loops that gain by being unrolled say so themselves: to unroll others
  /// takes clang a quarter of its time and makes nothing faster. Compilers cut loops, and clang even some vectors, of
  /// 64 bytes in halves for Intel's processors, unless they are told to prefer whole ones.
  static func flags(for cpu: TargetCPU) -> [String] {
    var flags = [
      "-std=gnu11", "-O3", "-march=\(cpu.rawValue)", "-fPIC", "-ffp-contract=fast",
      "-fno-math-errno", "-fno-trapping-math", "-fno-unroll-loops", "-fvisibility=hidden",
      "-fno-asynchronous-unwind-tables", "-w",
    ]
    #if arch(x86_64)
      flags.append("-mprefer-vector-width=512")
    #endif
    return flags
  }

  /// Finds the compiler (`CC`, else clang, cc or gcc in PATH) and the OpenMP runtime: what
  /// `FLOWIR_OPENMP` names, else libomp, else GCC's own if that is the compiler.
  static func find() throws(RuntimeError) -> Toolchain {
    let environment = ProcessInfo.processInfo.environment
    let compiler = try CompilerCommand(environment: environment)
    if let named = environment["FLOWIR_OPENMP"], !named.isEmpty {
      guard FileManager.default.isReadableFile(atPath: named) else {
        throw .openMPNotFound(path: named)
      }
      return Toolchain(compiler: compiler, openMP: .library(named))
    }
    if let path = locateOpenMP() { return Toolchain(compiler: compiler, openMP: .library(path)) }
    guard compiler.isGCC else { throw .noOpenMP }
    return Toolchain(compiler: compiler, openMP: .libgomp)
  }

  /// Where Linux keeps shared libraries.
  private static let folders = [
    "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64",
  ]

  private static func locateOpenMP() -> String? {
    let manager = FileManager.default
    for folder in folders {
      for name in ["libomp.so.5", "libomp.so"]
      where manager.fileExists(atPath: folder + "/" + name) {
        return folder + "/" + name
      }
    }
    let versions = (try? manager.contentsOfDirectory(atPath: "/usr/lib")) ?? []
    for version in versions.filter({ $0.hasPrefix("llvm-") }).sorted().reversed() {
      let path = "/usr/lib/\(version)/lib/libomp.so"
      if manager.fileExists(atPath: path) { return path }
    }
    return ["/opt/homebrew/opt/libomp/lib/libomp.dylib", "/usr/local/opt/libomp/lib/libomp.dylib"]
      .first { manager.fileExists(atPath: $0) }
  }

  /// A C file, and the processor that it is compiled for.
  struct Source {
    let path: String
    let cpu: TargetCPU
  }

  /// Compiles C files, side by side, and links them to a shared object.
  func compile(
    sources: [Source], output: String, for use: ObjectUse
  ) throws(RuntimeError) {
    let objects = sources.indices.map { "\(output).\($0).o" }
    let script = output + ".map"
    defer {
      for file in objects + [script] { try? FileManager.default.removeItem(atPath: file) }
    }
    try run(
      zip(sources, objects).map { source, object in
        Self.flags(for: source.cpu) + use.definitions(cpu: source.cpu)
          + ["-fopenmp", "-c", source.path, "-o", object]
      })
    // `-Xlinker` passes a word as it is, whereas `-Wl,` would split a name at its commas.
    let linking = try use.linking(openMP: openMP, script: script).flatMap { ["-Xlinker", $0] }
    try run([["-shared"] + objects + [openMP.linking, "-lm", "-o", output] + linking])
  }

  /// Runs the compiler once for each list of arguments, all at the same time.
  private func run(_ commands: [[String]]) throws(RuntimeError) {
    var started: [CompilerRun] = []
    var failure: RuntimeError?
    for arguments in commands where failure == nil {
      do {
        started.append(try CompilerRun(compiler, arguments))
      } catch {
        failure = error
      }
    }
    // All have ended before their files are removed.
    for run in started {
      do {
        try run.finish()
      } catch {
        failure = failure ?? error
      }
    }
    if let failure { throw failure }
  }
}

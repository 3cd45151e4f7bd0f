import Foundation

/// How the C compiler is called: a program, and words that come before all others.
struct CompilerCommand: Hashable {
  let path: String
  let arguments: [String]
  /// What the cache knows this compiler by: the words of the command, and the size and modification time
  /// of each word that is a program, so that `ccache gcc` changes when gcc does.
  let identity: String
  /// Whether it is GCC, by the name of the file that a word leads to.
  let isGCC: Bool

  /// Reads `CC`, which may hold arguments and a wrapper; if it is unset or blank, looks for clang, cc
  /// or gcc in `PATH`.
  ///
  /// - Throws: `RuntimeError.noCompiler` saying what was looked for.
  init(environment: [String: String]) throws(RuntimeError) {
    // Only absolute folders: a relative one would run whatever lies in the current folder.
    let folders = (environment["PATH"] ?? "/usr/bin:/bin").split(separator: ":")
      .map(String.init).filter { $0.hasPrefix("/") }
    let given = environment["CC"] ?? ""
    // The path of one program may hold spaces itself.
    let words =
      given.contains("/") && Self.locate(given, in: []) != nil
      ? [given] : given.split { $0 == " " || $0 == "\t" }.map(String.init)
    if let first = words.first {
      guard let found = Self.locate(first, in: folders) else { throw .noCompilerNamed(first) }
      path = found
      arguments = Array(words.dropFirst())
    } else {
      let names = ["clang", "cc", "gcc"]
      guard let found = names.lazy.compactMap({ Self.locate($0, in: folders) }).first else {
        throw .noCompiler(searched: names)
      }
      path = found
      arguments = []
    }
    let programs = ([path] + arguments).map { (word: $0, path: Self.locate($0, in: folders)) }
    identity = programs.map { $0.path.map(Self.identity) ?? $0.word }.joined(separator: " ")
    isGCC = programs.contains {
      $0.path.map { Self.resolved($0).lastPathComponent.contains("gcc") } ?? false
    }
  }

  /// The program of a name: a file, not a folder, that may be run.
  private static func locate(_ name: String, in folders: [String]) -> String? {
    if name.hasPrefix("-") { return nil }
    let candidates = name.contains("/") ? [name] : folders.map { $0 + "/" + name }
    return candidates.first {
      var isFolder: ObjCBool = false
      return FileManager.default.fileExists(atPath: $0, isDirectory: &isFolder)
        && !isFolder.boolValue && FileManager.default.isExecutableFile(atPath: $0)
    }
  }

  private static func resolved(_ path: String) -> URL {
    URL(fileURLWithPath: path).resolvingSymlinksInPath()
  }

  private static func identity(_ path: String) -> String {
    let resolved = resolved(path).path
    let attributes = try? FileManager.default.attributesOfItem(atPath: resolved)
    let size = (attributes?[.size] as? NSNumber)?.int64Value ?? 0
    let time = (attributes?[.modificationDate] as? Date)?.timeIntervalSince1970 ?? 0
    return "\(resolved) \(size) \(time)"
  }
}

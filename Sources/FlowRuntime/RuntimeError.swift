/// Why a function could not be compiled, loaded or run.
public enum RuntimeError: Error, Hashable, Sendable, CustomStringConvertible {
  /// No C compiler was found.
  case noCompiler(searched: [String])
  /// The C compiler that `CC` names was not found.
  case noCompilerNamed(String)
  /// The OpenMP runtime was not found.
  case noOpenMP
  /// `FLOWIR_OPENMP` names a file that is not there.
  case openMPNotFound(path: String)
  /// The C compiler failed.
  case compilerFailed(command: String, output: String)
  /// The object needs an OpenMP runtime that is not there.
  case objectWithoutOpenMP(path: String, reason: String)
  /// The object could not be loaded.
  case loadFailed(path: String, reason: String)
  /// A file in the cache belongs to somebody else or can be written by others.
  case untrustedCache(path: String)
  /// The cache's folder could not be used.
  case cacheFailed(path: String, reason: String)
  /// A file could not be written.
  case writeFailed(path: String, reason: String)
  /// A shared object is not a compiled flow, or one of another version.
  case notAnArtifact(path: String, reason: String)
  /// A compiled flow does not have a function.
  case missingFunction(path: String, name: String, known: [String])
  /// A call of a compiled flow failed.
  case callFailed(String)
  /// The function can't be lowered.
  case unsupported(String)
  /// An argument is missing.
  case missingArgument(String)
  /// An argument has the wrong shape.
  case shape(argument: String, found: [Int], expected: [Int])
  /// An argument of integers has another number.
  case notIntegers(argument: String)
  /// Memory for the call could not be had.
  case outOfMemory

  /// What was wrong, where, and what to do, in one line.
  public var description: String {
    switch self {
    case .noCompiler(let searched):
      "no C compiler found (looked for \(searched.joined(separator: ", "))); install clang or gcc, "
        + "or set CC"
    case .noCompilerNamed(let name):
      "no C compiler found: CC names '\(name)', which is not a program in PATH; install it, or unset CC "
        + "to take clang, cc or gcc"
    case .objectWithoutOpenMP(let path, let reason):
      "\(path): needs the OpenMP runtime libomp, which is not there (\(reason)); install libomp-dev"
    case .noOpenMP:
      "no OpenMP runtime (libomp) found; install libomp-dev, or set FLOWIR_OPENMP to one"
    case .openMPNotFound(let path):
      "FLOWIR_OPENMP is \(path), which can't be read; name the OpenMP runtime's shared library"
    case .compilerFailed(let command, let output):
      "the C compiler failed: \(command): \(output)"
    case .loadFailed(let path, let reason):
      "\(path): can't be loaded: \(reason)"
    case .untrustedCache(let path):
      "\(path): not owned by this user alone, so it is not loaded; remove it"
    case .cacheFailed(let path, let reason):
      "\(path): can't be used as cache: \(reason); set XDG_CACHE_HOME to a writable folder"
    case .writeFailed(let path, let reason): "\(path): can't write: \(reason)"
    case .notAnArtifact(let path, let reason):
      "\(path): \(reason); make one with 'flowir compile'"
    case .missingFunction(let path, let name, let known):
      "\(path): was compiled without \(name), it has \(known.joined(separator: ", ")); compile it "
        + "with --function \(name)"
    case .callFailed(let reason): reason
    case .unsupported(let reason): reason
    case .missingArgument(let name): "argument '\(name)' is missing"
    case .shape(let argument, let found, let expected):
      "argument '\(argument)' has shape \(found), expected \(expected)"
    case .notIntegers(let argument):
      "argument '\(argument)' has a number that is not whole, or not from \(Int32.min) to \(Int32.max)"
    case .outOfMemory: "not enough memory for the call's scratch"
    }
  }
}

extension RuntimeError {
  /// Why the loader refused an object, in its words.
  static func loading(_ path: String, _ reason: String) -> RuntimeError {
    reason.contains("libomp")
      ? .objectWithoutOpenMP(path: path, reason: reason) : .loadFailed(path: path, reason: reason)
  }
}

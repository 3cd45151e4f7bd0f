import FlowIR

/// The one C file of a compiled artifact, and its header.
///
/// The file holds the kernels, the functions, the weights and the interface; only the functions of
/// the interface are visible from outside. It needs a C11 compiler with GNU extensions (GCC 12,
/// clang), POSIX threads, and OpenMP for more than one thread.
public struct ArtifactSource {
  /// What the names of the interface start with, without the underscore.
  public let prefix: String
  /// The number of features.
  public let features: Int
  /// The number of context features; 0 for none.
  public let context: Int
  /// The float type.
  public let dtype: DType
  /// The functions, each for every way of giving the context.
  public let variants: [ArtifactVariant]
  /// The values of parameters and buffers by name, in the float type's memory format.
  let weights: [String: [UInt8]]
  /// What the file is, in a line.
  let title: String
  /// What else the description states, as members of a JSON object.
  let members: String
  /// The centres of arrays of float64 around code of float32; nil if arrays have the type that is computed in.
  let wide: WideArrays?

  /// The version of the C interface.
  public static let abiVersion = 1
  /// The prefix if none is chosen.
  public static let defaultPrefix = "flowir"

  /// Gathers the parts of an artifact.
  ///
  /// - Parameters:
  ///   - prefix: what the names of its functions start with.
  ///   - features: the number of features.
  ///   - context: the number of context features; 0 for none.
  ///   - dtype: the float type that all functions compute in.
  ///   - variants: the functions, each for every way of giving the context.
  ///   - weights: the bytes of every parameter that a function has as argument, by name.
  ///   - title: what the artifact is, in a line, such as `NSF, 5 features`.
  ///   - members: what else the description states, as members of a JSON object: `"a": 1, "b": 2`.
  ///   - wide: for code of float32 whose arrays are of float64: their centres.
  /// - Throws: `CodegenError.prefix` for a prefix that is not a C name.
  public init(
    prefix: String = ArtifactSource.defaultPrefix, features: Int, context: Int, dtype: DType,
    variants: [ArtifactVariant], weights: [String: [UInt8]], title: String, members: String,
    wide: WideArrays? = nil
  ) throws(CodegenError) {
    guard Self.isName(prefix) else { throw .prefix(prefix) }
    self.prefix = prefix
    self.features = features
    self.context = context
    self.dtype = dtype
    self.variants = variants
    self.weights = weights
    self.title = title
    self.members = members
    self.wide = wide
  }

  /// Whether a prefix may start the names of C symbols: it must be a letter, then letters, digits and
  /// underscores.
  public static func isName(_ prefix: String) -> Bool {
    guard let first = prefix.utf8.first, prefix.utf8.count <= 64 else { return false }
    func isLetter(_ byte: UInt8) -> Bool {
      (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 32)
    }
    return isLetter(first)
      && prefix.utf8.allSatisfy { byte in
        isLetter(byte) || byte == UInt8(ascii: "_")
          || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
      }
  }

  /// The functions of the interface, in the interface's order.
  public var functions: [ArtifactFunction] {
    ArtifactFunction.allCases.filter { kind in variants.contains { $0.kind == kind } }
  }

  /// The type that arrays of the interface have.
  var ioType: DType { wide == nil ? dtype : .f64 }

  /// The same in C.
  var real: String { ioType == .f64 ? "double" : "float" }

  /// The whole C file; `kernels` gives the text of the kernels that some C uses, `hash` tells texts apart.
  public func text(kernels: (String) -> String, hash: (String) -> String) -> [UInt8] {
    let parts = parts(kernels: kernels, hash: hash)
    return Array(parts.start.utf8) + parts.weights.literal(parts.block, dtype: dtype)
      + Array(parts.end.utf8)
  }

  /// The C file without the weights, which it takes from a file, and what that file holds.
  ///
  /// The assembler copies the file as it is, where a compiler would read several characters for
  /// every byte. The functions and the description are those of `text(kernels:hash:)`.
  ///
  /// The C comes in one or more translation units, so that compilers can run side by side: functions
  /// that differentiate, which are the longest, have one each, and the first holds all else.
  public func units(
    kernels: (String) -> String, hash: (String) -> String, weightsIn path: String
  ) -> (units: [[UInt8]], weights: [UInt8]) {
    let file = fileUnits(kernels: kernels, hash: hash) { $0.included(from: path, dtype: dtype) }
    return (file.units, file.block)
  }

  /// The translation units, with what stands for the weights in the first, and what is stored.
  func fileUnits(
    kernels: (String) -> String, hash: (String) -> String, weights text: (StoredWeights) -> String
  ) -> (units: [[UInt8]], stored: StoredWeights, block: [UInt8]) {
    let parts = parts(kernels: kernels, hash: hash)
    let weights = text(parts.weights)
    var apart = functions.filter(\.isDerivative)
    if apart.count == functions.count { apart.removeFirst() }
    guard !apart.isEmpty else {
      return ([Array((parts.start + weights + parts.end).utf8)], parts.weights, parts.block)
    }
    let others = variants.filter { apart.contains($0.kind) }
    let first =
      start(kernels, variants.filter { !apart.contains($0.kind) }, before: parts.end)
      + others.map { CFile.entryDeclarations($0.name) }.joined() + weights + parts.end
    let units = apart.map { kind in
      let text = self.text(of: others.filter { $0.kind == kind })
      return "#define FK_ENTRY\n" + kernels(text) + "\n" + text
    }
    return (([first] + units).map { Array($0.utf8) }, parts.weights, parts.block)
  }

  /// The start of a file with some functions, before what uses kernels too.
  private func start(
    _ kernels: (String) -> String, _ variants: [ArtifactVariant], before end: String
  ) -> String {
    let text = text(of: variants)
    return comment + "#define FK_ENTRY static\n" + kernels(text + end) + "\n" + text
  }

  /// Some functions, which share the tables and kernels that they define.
  private func text(of variants: [ArtifactVariant]) -> String {
    var file: CFile?
    var text = ""
    for variant in variants {
      let next = CFile(variant.program, name: variant.name, after: file)
      text +=
        "/* \(variant.kind.rawValue)"
        + (variant.sharesContext ? ", one context for all rows" : "") + " */\n" + next.text + "\n"
      file = next
    }
    return text
  }

  private func parts(
    kernels: (String) -> String, hash: (String) -> String
  ) -> (start: String, weights: StoredWeights, block: [UInt8], end: String) {
    var calls = ""
    var stored = StoredWeights(values: weights)
    for variant in variants {
      calls += call(variant, stateElements: variant.program.stateElements, weights: &stored)
    }
    let end = interfaceStart + calls + interface
    let start = start(kernels, variants, before: end)
    // The values of weights change the file too, so they are part of its hash.
    let block = stored.bytes
    let identity = hash(start + end + StoredWeights.digest(block))
    return (start, stored, block, end + description(hash: identity))
  }

  private var comment: String {
    """
    /* \(title): a compiled normalizing flow, with its weights.
     *
     * The interface is documented in the header that belongs to this file. To compile it:
     *
     *   cc -std=gnu11 -O3 -march=native -ffp-contract=fast -fno-math-errno -fno-trapping-math \\
     *     -fvisibility=hidden -fopenmp -shared -fPIC model.c -lm -o libmodel.so
     *
     * Without -fopenmp it runs on one thread, with the same results. */

    """
  }
}

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
    let code = code(kernels: kernels, hash: hash)
    return Array(code.start.utf8) + code.weights.literal(code.block, dtype: dtype)
      + Array(code.end.utf8)
  }

  /// The C file without the weights, which it takes from a file, and what that file holds.
  ///
  /// The assembler copies the file as it is, where a compiler would read several characters for
  /// every byte. The functions and the description are those of `text(kernels:hash:)`.
  ///
  /// The C comes in several translation units, so that compilers can run side by side (`CUnits`). The first has
  /// the interface.
  public func units(
    kernels: (String) -> String, hash: (String) -> String, weightsIn path: String
  ) -> (units: [[UInt8]], weights: [UInt8]) {
    let code = code(kernels: kernels, hash: hash)
    let weights = code.weights.included(from: path, dtype: dtype)
    return (texts(of: code.units, code, kernels: kernels, weights: weights), code.block)
  }

  /// All C of an artifact.
  struct Code {
    /// The parts of its functions, with the unit of each function's loops.
    let parts: [(part: CPart, unit: Int)]
    /// The start of the one file that has all of it.
    let start: String
    let weights: StoredWeights
    /// The values of the weights.
    let block: [UInt8]
    /// The interface.
    let end: String

    var units: CUnits { CUnits(parts) }
  }

  func code(kernels: (String) -> String, hash: (String) -> String) -> Code {
    let parts = parts
    var calls = ""
    var stored = StoredWeights(values: weights)
    for variant in variants {
      calls += call(variant, stateElements: variant.program.stateElements, weights: &stored)
    }
    let functions = parts.map(\.part.text).joined(separator: "\n") + "\n"
    let end = interfaceStart + calls + interface
    let start =
      comment + "#define FK_ENTRY static\n" + kernels(functions + end) + "\n" + functions
    // The values of weights change the file too, so they are part of its hash.
    let block = stored.bytes
    let identity = hash(start + end + StoredWeights.digest(block))
    return Code(
      parts: parts, start: start, weights: stored, block: block,
      end: end + description(hash: identity))
  }

  /// The translation units as texts, with what stands for the weights in the first.
  func texts(
    of units: CUnits, _ code: Code, kernels: (String) -> String, weights: String
  ) -> [[UInt8]] {
    let linkage = "#define FK_ENTRY\n#define FK_PART __attribute__((noinline))\n"
    return units.texts.enumerated().map { index, text in
      guard index == 0 else { return Array((linkage + kernels(text) + "\n" + text).utf8) }
      let start = comment + linkage + kernels(text + code.end) + "\n" + text
      return Array((start + "\n" + weights + code.end).utf8)
    }
  }

  /// The parts of all functions, which share the tables and kernels that they define. Functions that differentiate
  /// are long, so that the loops of each kind have a unit of their own.
  private var parts: [(part: CPart, unit: Int)] {
    let apart = functions.filter(\.isDerivative)
    let first = apart.count == functions.count ? 1 : 2
    var file: CFile?
    var parts: [(part: CPart, unit: Int)] = []
    for variant in variants {
      let next = CFile(variant.program, name: variant.name, after: file)
      let unit = apart.firstIndex(of: variant.kind).map { first + $0 } ?? 1
      let title =
        "/* \(variant.kind.rawValue)"
        + (variant.sharesContext ? ", one context for all rows" : "") + " */"
      parts.append((CPart(title, .everywhere), unit))
      parts += next.parts.map { ($0, unit) }
      file = next
    }
    return parts
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

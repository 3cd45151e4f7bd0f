import FlowIR

extension ArtifactSource {
  /// The header of the interface, for C and C++; `name` is the header's file name without `.h`.
  public func header(name: String) -> String {
    let guardName =
      "FLOWIR_"
      + String(
        prefix.uppercased().unicodeScalars.map { $0.isASCII ? Character($0) : "_" }) + "_H"
    let upper = prefix.uppercased()
    return """
      /* \(title): a compiled normalizing flow (lib\(name).so).
       *
       * Arrays are row-major, one row a sample: x and z have \(features) numbers a row\
      \(context > 0 ? ", a context\n * has \(context)" : "").
      \(contextText)\(wideText)
       * Each function that gives an int gives \(upper)_OK, or another status and the reason in
       * \(prefix)_last_error. Results of a call that failed are undefined. All functions may be called
       * from several threads at once. None allocates memory that grows with the rows. Results have the
       * same bits at any number of threads. A row with NaN has NaN as its result. Unload the library, or
       * return from main, only when no thread is in a call. */
      #ifndef \(guardName)
      #define \(guardName)
      #include <stdint.h>

      #ifdef __cplusplus
      extern "C" {
      #endif

      #define \(upper)_FEATURES \(features)
      #define \(upper)_CONTEXT \(context)

      /* What a call gives. */
      enum {
        \(upper)_OK = 0,
        \(upper)_INVALID_ARGUMENT = 1,
        \(upper)_OUT_OF_MEMORY = 2,
        \(upper)_UNSUPPORTED_PROCESSOR = 3
      };

      /* The version of this interface: \(Self.abiVersion). */
      int64_t \(prefix)_abi_version(void);

      /* What this is, as a JSON object: the flow's description, dtype, functions, the processor it was
       * compiled for, the compiler, and the hash of its source. */
      const char *\(prefix)_description(void);

      \(functions.map { declaration($0) + companions($0) }.joined(separator: "\n"))
      /* How many threads a call of any thread may use from now on; one for each processor if n < 1, as
       * at the start. */
      void \(prefix)_set_threads(int n);

      /* Why the last call of this thread that failed did; "" if none has. */
      const char *\(prefix)_last_error(void);

      #ifdef __cplusplus
      }
      #endif
      #endif

      """
  }

  private var wideText: String {
    wide == nil
      ? ""
      : """

       * Numbers are double, and computed with in float: what the flow's units subtract is subtracted from
       * them before they are rounded, and added to samples after.
       *
      """
  }

  private var contextText: String {
    context == 0
      ? """
       * The flow has no context: context is NULL and context_rows is 0.
       *
      """
      : """
       * context_rows is rows, with one context for each row, or 1, with one for all: then what depends
       * on the context alone is computed once. Or it is another divisor of rows: then each context is
       * that of rows / context_rows consecutive rows, as if it were repeated for each.
       *
      """
  }

  /// The declarations of the functions that come with one.
  private func companions(_ kind: ArtifactFunction) -> String {
    switch kind {
    case .sample: declarationOfEach + (wide == nil ? "\n" + declarationsOfWithin : "")
    case .logProb: wide == nil ? "\n" + declarationOfDensity : ""
    case .transform, .inverse, .logProbGradient, .logProbHVP: ""
    }
  }

  private func declaration(_ kind: ArtifactFunction) -> String {
    var lines = Self.wrapped(kind.summary(hasContext: context > 0))
    for argument in kind.arguments {
      switch argument.role {
      case .input: lines.append("  \(argument.name): rows x \(features)")
      case .output(let output):
        if output.size == .context, context == 0 {
          lines.append("  \(argument.name): not used, since the flow has no context")
          continue
        }
        let columns = output.size.columns(features: features, context: context) ?? 1
        let size = output.size == .one ? "rows" : "rows x \(columns)"
        lines.append(
          "  \(argument.name): \(size)\(output.isOptional ? ", or NULL if not wanted" : "")"
            + (output.size == .context
              ? "; one for each row of x even if they share a context" : ""))
      case .context:
        if context > 0 { lines.append("  context: context_rows x \(context)") }
      case .rows, .contextRows, .seed: break
      case .firstRow: lines.append("  first_row: 0 or more")
      }
    }
    let parameters = kind.arguments.map { $0.declaration(real) }.joined(separator: ", ")
    return "/* " + lines.joined(separator: "\n * ")
      + " */\nint \(prefix)_\(kind.rawValue)(\(parameters));\n"
  }

  static func wrapped(_ text: String) -> [String] {
    var lines = [""]
    for word in text.split(separator: " ") {
      let last = lines[lines.count - 1]
      if last.isEmpty {
        lines[lines.count - 1] = String(word)
      } else if last.count + word.count < 96 {
        lines[lines.count - 1] = last + " " + word
      } else {
        lines.append(String(word))
      }
    }
    return lines
  }
}

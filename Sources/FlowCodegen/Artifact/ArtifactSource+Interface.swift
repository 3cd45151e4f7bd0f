import FlowIR

extension ArtifactSource {
  /// What the functions of the interface share.
  var interfaceStart: String {
    let contextCheck =
      context == 0
      ? """
        (void)context;
        if (context_rows != 0)
          return flow_fail(1, "%s: context_rows is %lld, expected 0, since the flow has no context",
                           function, (long long)context_rows);
      """
      : """
        if (context_rows != rows && (context_rows < 1 || rows % context_rows))
          return flow_fail(1, "%s: context_rows is %lld, expected %lld (one context a row), 1 (one for "
                           "all) or another divisor of rows (one for each group of rows)", function,
                           (long long)context_rows, (long long)rows);
        if (rows > 0 && !context)
          return flow_fail(1, "%s: context is NULL, expected %lld x \(context) numbers", function,
                           (long long)context_rows);
      """
    return """
      /* The interface. */
      #include <pthread.h>
      #include <stdarg.h>
      #include <stdio.h>

      #ifndef FLOW_EXPORT
      #define FLOW_EXPORT __attribute__((visibility("default")))
      #endif
      /* Functions that run on every processor of the family. */
      #ifdef __x86_64__
      #define FLOW_PLAIN __attribute__((noinline, target("arch=x86-64")))
      #else
      #define FLOW_PLAIN __attribute__((noinline))
      #endif

      #ifdef _OPENMP
      extern int omp_get_max_threads(void);
      #endif

      static _Thread_local char flow_error[256];
      static int flow_threads;

      __attribute__((format(printf, 2, 3))) FLOW_PLAIN static int flow_fail(int status, const char *format, ...) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(flow_error, sizeof flow_error, format, arguments);
        va_end(arguments);
        return status;
      }

      /* As many threads as were asked for, but none without a tile to work on. */
      static int flow_threads_for(int64_t rows) {
        const int64_t tiles = (rows + FK_TILE - 1) / FK_TILE;
        int threads = 1;
      #ifdef _OPENMP
        if (tiles > 1) threads = __atomic_load_n(&flow_threads, __ATOMIC_RELAXED);
        if (threads < 1) threads = omp_get_max_threads();
      #endif
        return threads < tiles ? threads : (int)tiles;
      }

      \(Self.processorCheck)
      /* How many rows there can be at most. */
      #define FLOW_MOST_ROWS (INT64_MAX / \(8 * max(features, context, 1)))

      static int flow_check_processor(const char *function) {
        const char *lacking = flow_lacking();
        if (lacking)
          return flow_fail(3, "%s: compiled for processors with %s, which this one lacks; compile it "
                           "for this one, or with --cpu x86-64", function, lacking);
        return 0;
      }

      static int flow_check(const char *function, const \(wide == nil ? "fk_real" : "double") *context, int64_t rows,
                            int64_t context_rows) {
        const int status = flow_check_processor(function);
        if (status)
          return status;
        if (rows < 0)
          return flow_fail(1, "%s: rows is %lld, expected 0 or more", function, (long long)rows);
        if (rows > FLOW_MOST_ROWS)
          return flow_fail(1, "%s: rows is %lld, more than memory can hold", function, (long long)rows);
      \(contextCheck)
        return 0;
      }

      static int flow_missing(const char *function, const char *argument) {
        return flow_fail(1, "%s: %s is NULL", function, argument);
      }

      static int flow_finish(const char *function, int failed) {
        return failed ? flow_fail(2, "%s: not enough memory for the packed weights or the call's scratch", function) : 0;
      }


      """
  }

  /// A function's memory, packed when it is first called, and the call itself.
  ///
  /// The memory is taken then and not part of the object: code reaches what is part of an object by
  /// offsets of 32 bits, and the packed weights of a large network and several functions have more.
  func call(
    _ variant: ArtifactVariant, stateElements: Int, weights: inout StoredWeights
  ) -> String {
    let function = variant.program.function
    func list(_ input: (String) -> String) -> String {
      function.arguments.map { argument in
        argument.kind == .input
          ? input(argument.name)
          : "flow_weights.bytes + \(weights.offset(of: argument.name))"
      }.map { "    \($0),\n" }.joined()
    }
    let name = variant.name
    let outputs = variant.kind.outputs(hasContext: context > 0)
    let isGrouped = variant.program.groupedInput != nil
    let drawsRows = variant.program.drawsRows
    let packed = list { _ in "0" } + (isGrouped ? "    0,\n" : "") + (drawsRows ? "    0,\n" : "")
    let called =
      list { $0 } + (isGrouped ? "    &group,\n" : "")
      + (drawsRows ? "    \(variant.kind == .sample ? "numbers" : "0"),\n" : "")
    let computed = dtype == .f64 ? "double" : "float"
    let parameters = outputs.map { ", \(computed) *\($0)_out" }.joined()
    let vectors = variant.kind.signature.vectors.map { "const void *\($0), " } ?? ""
    let numbers = variant.kind == .sample ? "const int64_t *numbers, " : ""
    return """
      static fk_real *\(name)_state;

      __attribute__((destructor)) static void \(name)_forget(void) {
        free(\(name)_state);
        \(name)_state = 0;
      }

      static const fk_real *\(name)_packed(void) {
        static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
        fk_real *state = __atomic_load_n(&\(name)_state, __ATOMIC_ACQUIRE);
        if (state) return state;
        const void *const args[] = {
      \(packed)  };
        pthread_mutex_lock(&lock);
        state = \(name)_state;
        if (!state && (state = fk_keep(\(stateElements)))) {
          \(name)_prepare(args, state, flow_threads_for(INT32_MAX));
          __atomic_store_n(&\(name)_state, state, __ATOMIC_RELEASE);
        }
        pthread_mutex_unlock(&lock);
        return state;
      }

      static int \(name)_call(const void *\(variant.kind.signature.input), const void *context, \(vectors)int64_t rows, \
      int64_t first_row, \(numbers)int64_t group\(parameters)) {
        const void *const args[] = {
      \(called)  };
        void *const results[] = {\(outputs.map { $0 + "_out" }.joined(separator: ", "))};
        (void)context, (void)group\(numbers.isEmpty ? "" : ", (void)numbers");
        const fk_real *const state = \(name)_packed();
        if (!state) return 1;
        return \(name)_run(args, results, (fk_real *)state, rows, first_row, flow_threads_for(rows));
      }


      """
  }

  /// The functions that are visible from outside.
  var interface: String {
    let restricts =
      wide == nil && (functions.contains(.sample) || functions.contains(.logProb))
    let tests = restricts ? Self.boxTests(features: features) : ""
    return tests + wideCalls
      + functions.map { kind in
        switch kind {
        case .sample: entry(kind) + entryOfEach + (restricts ? entriesOfWithin : "")
        case .logProb: entry(kind) + (restricts ? entryOfDensity : "")
        case .transform, .inverse, .logProbGradient, .logProbHVP: entry(kind)
        }
      }.joined() + """
        FLOW_EXPORT int64_t \(prefix)_abi_version(void) { return \(Self.abiVersion); }

        FLOW_EXPORT void \(prefix)_set_threads(int n) {
          __atomic_store_n(&flow_threads, n < 1 ? 0 : n < 1024 ? n : 1024, __ATOMIC_RELAXED);
        }

        FLOW_EXPORT const char *\(prefix)_last_error(void) { return flow_error; }


        """
  }

  private func entry(_ kind: ArtifactFunction) -> String {
    let name = "\(prefix)_\(kind.rawValue)"
    let number = wide == nil ? "fk_real" : "double"
    let parameters = kind.arguments.map { $0.declaration(number) }.joined(separator: ", ")
    var lines = [
      "FLOW_EXPORT int \(name)(\(parameters)) {",
      "  const int status = flow_check(\"\(name)\", context, rows, context_rows);",
      "  if (status || rows == 0) return status;",
    ]
    for argument in kind.arguments {
      switch argument.role {
      case .output(let output) where output.isOptional: break
      case .input, .output:
        lines.append(
          "  if (!\(argument.name)) return flow_missing(\"\(name)\", \"\(argument.name)\");")
      case .context, .rows, .contextRows, .seed: break
      case .firstRow:
        lines.append(
          "  if (first_row < 0) return flow_fail(1, \"\(name): first_row is %lld, expected 0 or "
            + "more\", (long long)first_row);")
      }
    }
    let group = context > 0 ? "rows / context_rows" : "1"
    let vectors = kind.signature.vectors.map { $0 + ", " } ?? ""
    var given = "\(kind.signature.input), context, \(vectors)rows, 0, \(group)"
    if kind == .sample {
      lines.append("  const uint32_t words[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};")
      given = "words, context, rows, first_row, 0, \(group)"
    }
    let outputs = kind.outputs(hasContext: context > 0)
    for output in kind.outputs(hasContext: true) where !outputs.contains(output) {
      lines.append("  (void)\(output);")
    }
    let all = "(" + ([given] + outputs).joined(separator: ", ") + ")"
    func run(_ isShared: Bool) -> String {
      "flow_finish(\"\(name)\", flow_\(kind.rawValue)\(isShared ? "_shared" : "")_call\(all))"
    }
    guard wide == nil else {
      lines += ["  return flow_finish(\"\(name)\", \(wideRun(kind)));", "}", "", ""]
      return lines.joined(separator: "\n")
    }
    if context > 0 {
      lines.append("  if (context_rows == 1 && rows > 1) return \(run(true));")
    }
    lines += ["  return \(run(false));", "}", "", ""]
    return lines.joined(separator: "\n")
  }

  /// The description: a JSON object in which the C compiler fills in its name and the processor.
  func description(hash: String) -> String {
    let names = functions.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
    let start =
      "\(Self.descriptionStart)\(prefix)\", \"features\": \(features), \"context\": \(context), "
      + "\"dtype\": \"\(ioType.rawValue)\", "
      + (wide == nil ? "" : "\"computes\": \"\(dtype.rawValue)\", ")
      + "\"functions\": [\(names)], "
      + (members.isEmpty ? "" : members + ", ") + "\"source_hash\": \"\(hash)\", \"cpu\": \""
    return """
      #ifndef FLOW_CPU
      #define FLOW_CPU "unknown"
      #endif

      /* What an artifact for several processors has: their names. */
      #ifdef FLOW_CPUS
      #define FLOW_ALL "\\", \\"cpus\\": [" FLOW_CPUS "], "
      #else
      #define FLOW_ALL "\\", "
      #endif

      FLOW_EXPORT const char *\(prefix)_description(void) {
        return \(Self.literal(start))
               FLOW_CPU FLOW_ALL
               "\\"compiler\\": \\"" __VERSION__ "\\"}";
      }

      """
  }

  /// How every description starts, before the prefix. Files are recognized as artifacts by it.
  public static var descriptionStart: String { "{\"abi_version\": \(abiVersion), \"prefix\": \"" }

  /// Text as a C string literal, in lines.
  static func literal(_ text: String) -> String {
    var lines = [""]
    for byte in text.utf8 {
      let last = lines.count - 1
      switch byte {
      case UInt8(ascii: "\""): lines[last] += "\\\""
      case UInt8(ascii: "\\"): lines[last] += "\\\\"
      case UInt8(ascii: "?"): lines[last] += "\\?"
      case 32..<127: lines[last].unicodeScalars.append(Unicode.Scalar(byte))
      default:
        let digits = String(byte, radix: 8)
        lines[last] += "\\" + String(repeating: "0", count: 3 - digits.count) + digits
      }
      if lines[last].utf8.count >= 80 { lines.append("") }
    }
    return lines.map { "\"\($0)\"" }.joined(separator: "\n         ")
  }
}

import FlowIR

/// Arrays of float64 around code that computes in float32: rows lose their centre before they are narrowed, so
/// that numbers far from zero keep their digits, and get it back after they are widened.
public struct WideArrays: Hashable, Sendable {
  /// What is subtracted from each feature, and added to samples.
  public let centre: [Double]
  /// What is subtracted from each context feature.
  public let contextCentre: [Double]
  /// What samples of each feature never leave, although a centre is added to numbers that were rounded; empty if
  /// there are no bounds.
  public let bounds: [ClosedRange<Double>]

  /// Makes them from centres, one for each feature and context feature, and the features' bounds, which may be
  /// infinite.
  public init(centre: [Double], contextCentre: [Double], bounds: [ClosedRange<Double>] = []) {
    (self.centre, self.contextCentre, self.bounds) = (centre, contextCentre, bounds)
  }
}

/// The functions between the interface's arrays of float64 and code of float32.
extension ArtifactSource {
  /// An array of a function: its name in the interface, its columns, and the centre that it loses or gets.
  private struct WideArray {
    let name: String
    let columns: Int
    let centre: String
    /// Its copy in float32.
    var narrow: String { "narrow_" + name }
  }

  /// What the functions share, and a function for each; nothing if arrays have the type that is computed in.
  var wideCalls: String {
    guard let wide else { return "" }
    func text(_ number: Double) -> String {
      number.isFinite ? "\(number)" : number < 0 ? "-__builtin_inf()" : "__builtin_inf()"
    }
    func table(_ name: String, _ values: [Double]) -> String {
      values.isEmpty
        ? ""
        : "static const double \(name)[\(values.count)] = {\n  "
          + values.map(text).joined(separator: ",\n  ") + "};\n"
    }
    let tables =
      table("flow_centre", wide.centre) + table("flow_context_centre", wide.contextCentre)
      + table("flow_lower", wide.bounds.map(\.lowerBound))
      + table("flow_upper", wide.bounds.map(\.upperBound))
    let widened =
      wide.bounds.isEmpty
      ? "to[row * columns + column] = centre ? value + centre[column] : value;"
      : """
      const double sum = centre ? value + centre[column] : value;
            to[row * columns + column] = !centre ? value
                                         : sum < flow_lower[column] ? flow_lower[column]
                                         : sum > flow_upper[column] ? flow_upper[column]
                                                                    : sum;
      """
    return """
      /* Arrays of float64 around code of float32, some rows at a time. */
      \(tables)
      /* Rows from number `first` on, each for `per` rows of the result, minus their centre. */
      static void flow_narrow(const double *from, const double *centre, int64_t first, int64_t per,
                              int64_t rows, int64_t columns, float *to) {
      #ifdef _OPENMP
      #pragma omp parallel for num_threads(flow_threads_for(rows))
      #endif
        for (int64_t row = 0; row < rows; row++) {
          const double *const source = from + (per == 1 ? first + row : (first + row) / per) * columns;
          for (int64_t column = 0; column < columns; column++)
            to[row * columns + column] = (float)(centre ? source[column] - centre[column] : source[column]);
        }
      }

      static void flow_widen(const float *from, const double *centre, int64_t rows, int64_t columns,
                             double *to) {
      #ifdef _OPENMP
      #pragma omp parallel for num_threads(flow_threads_for(rows))
      #endif
        for (int64_t row = 0; row < rows; row++)
          for (int64_t column = 0; column < columns; column++) {
            const double value = from[row * columns + column];
            \(widened)
          }
      }


      """ + functions.map(wideCall).joined()
  }

  private func wideCall(_ kind: ArtifactFunction) -> String {
    let signature = kind.signature
    func features(_ name: String) -> WideArray {
      WideArray(name: name, columns: self.features, centre: name == "x" ? "flow_centre" : "0")
    }
    let inputs =
      (kind == .sample ? [] : [features(signature.input)])
      + (signature.vectors.map { [features($0)] } ?? [])
    let outputs = signature.outputs(hasContext: context > 0).map { output in
      WideArray(
        name: output.nameInC,
        columns: output.size.columns(features: self.features, context: context) ?? 1,
        centre: output.name == "x" ? "flow_centre" : "0")
    }
    let conditions =
      context > 0
      ? [WideArray(name: "context", columns: context, centre: "flow_context_centre")] : []
    let arrays = inputs + conditions + outputs
    let width = arrays.reduce(0) { $0 + $1.columns }
    let block = max(min(16384, (1 << 20) / width), 256)
    var (start, places) = (0, "")
    for array in arrays {
      places += "  float *const \(array.narrow) = memory + block * \(start);\n"
      start += array.columns
    }
    func narrow(_ array: WideArray, first: String, per: String, rows: String) -> String {
      "flow_narrow(\(array.name), \(array.centre), \(first), \(per), \(rows), \(array.columns), "
        + "\(array.narrow));\n"
    }
    func call(_ isShared: Bool) -> String {
      let own = inputs.map(\.narrow)
      let first = kind == .sample ? ["words"] : [own[0]]
      let numbers = kind == .sample ? ["first_row + first", "0"] : ["0"]
      let all =
        first + [context > 0 ? "narrow_context" : "0"] + own.dropFirst() + ["count"] + numbers
        + [isShared ? "count" : "1"]
        + outputs.map { "\($0.name) ? \($0.narrow) : 0" }
      return
        "flow_\(kind.rawValue)\(isShared ? "_shared" : "")_call(\(all.joined(separator: ", ")))"
    }
    let parameters =
      (kind == .sample ? ["const uint32_t *words", "int64_t first_row"] : [])
      + inputs.map { "const double *\($0.name)" }
      + ["const double *context", "int64_t rows", "int64_t context_rows", "int shares"]
      + outputs.map { "double *\($0.name)" }
    var lines = [
      "static int flow_\(kind.rawValue)_wide(\(parameters.joined(separator: ", "))) {",
      "  const int64_t block = rows < \(block) ? rows : \(block);",
      "  float *const memory = malloc((size_t)block * \(width) * sizeof(float));",
      "  if (!memory) return 1;",
    ]
    lines.append(places + "  int failed = 0;")
    if let condition = conditions.first {
      lines.append(
        "  const int64_t per = rows / context_rows;\n  if (shares) "
          + narrow(condition, first: "0", per: "1", rows: "1"))
    } else {
      lines.append("  (void)context, (void)context_rows, (void)shares;")
    }
    lines.append("  for (int64_t first = 0; first < rows && !failed; first += block) {")
    lines.append("    const int64_t count = rows - first < block ? rows - first : block;")
    for input in inputs {
      lines.append("    " + narrow(input, first: "first", per: "1", rows: "count"))
    }
    if let condition = conditions.first {
      lines.append(
        "    if (!shares) " + narrow(condition, first: "first", per: "per", rows: "count"))
      lines.append("    failed = shares ? \(call(true))\n                    : \(call(false));")
    } else {
      lines.append("    failed = \(call(false));")
    }
    for output in outputs {
      lines.append(
        "    if (\(output.name) && !failed) flow_widen(\(output.narrow), \(output.centre), count, "
          + "\(output.columns), \(output.name) + first * \(output.columns));")
    }
    lines += ["  }", "  free(memory);", "  return failed;", "}", "", ""]
    return lines.joined(separator: "\n")
  }

  /// The call of a function of the interface, whose arguments have been checked.
  func wideRun(_ kind: ArtifactFunction) -> String {
    let outputs = kind.outputs(hasContext: context > 0)
    let inputs =
      (kind == .sample ? ["words", "first_row"] : [kind.signature.input])
      + (kind.signature.vectors.map { [$0] } ?? [])
    let all =
      inputs
      + ["context", "rows", "context_rows", context > 0 ? "context_rows == 1 && rows > 1" : "0"]
      + outputs
    return "flow_\(kind.rawValue)_wide(\(all.joined(separator: ", ")))"
  }
}

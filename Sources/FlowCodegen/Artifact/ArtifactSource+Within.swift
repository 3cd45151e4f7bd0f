/// The functions that restrict a flow to a box: `sample_rows`, `sample_within` and `log_mass` come with
/// `sample`, `log_prob_within` with `log_prob`.
extension ArtifactSource {
  /// Candidate t of row r is row `r + t 2^40` of the seed's sample.
  public static let candidateShift = 40
  /// The most candidates that a row may have.
  public static let mostCandidates = 1 << 21
  /// The number of the first draw that estimates a mass.
  public static let firstMassDraw = 1 << 62

  private var contextParameters: String {
    "const \(real) *context, int64_t rows, int64_t context_rows"
  }
  private var boxParameters: String { "const \(real) *lower, const \(real) *upper" }

  var parametersOfRows: String {
    "uint64_t seed, const int64_t *numbers, const \(real) *context, int64_t rows, "
      + "int64_t rows_per_context, \(real) *x, \(real) *log_prob"
  }
  var parametersOfWithin: String {
    "uint64_t seed, int64_t first_row, \(boxParameters), int64_t max_draws, \(contextParameters), "
      + "\(real) *x, \(real) *log_prob, int64_t *draws"
  }
  var parametersOfMass: String {
    "uint64_t seed, \(boxParameters), int64_t draws, const \(real) *context, int64_t contexts, "
      + "\(real) *log_mass, \(real) *log_mass_error"
  }
  var parametersOfDensity: String {
    "const \(real) *x, \(boxParameters), const \(real) *log_mass, \(contextParameters), "
      + "\(real) *log_prob"
  }

  private func declaration(
    _ name: String, _ parameters: String, _ summary: String, _ arguments: [String]
  ) -> String {
    let lines = Self.wrapped(summary) + arguments.map { "  " + $0 }
    return "/* " + lines.joined(separator: "\n * ") + " */\nint \(prefix)_\(name)(\(parameters));\n"
  }

  /// The comments and declarations of what comes with `sample`.
  var declarationsOfWithin: String {
    let contexts = context > 0 ? ["context: context_rows x \(context)"] : []
    let box = [
      "lower, upper: \(features) each, bounds that belong to the box, infinite ones for none; NULL for no "
        + "bounds"
    ]
    return [
      declaration(
        "sample_rows", parametersOfRows,
        "The rows of the given numbers of the seed's sample, in the order of the numbers.",
        ["numbers: rows, each 0 or more"]
          + (context > 0
            ? [
              "context: 1 x \(context) if rows_per_context is 0, one for all; else one for each "
                + "rows_per_context", "  consecutive rows",
            ] : ["rows_per_context: 0, since the flow has no context"])
          + ["x: rows x \(features)", "log_prob: rows, or NULL if not wanted"]),
      declaration(
        "sample_within", parametersOfWithin,
        "Samples within a box, by rejection: row i is the first of its candidates that is inside. "
          + "Candidate t (0, 1, ...) of row i is row first_row + i + t 2^40 of the seed's sample, so that "
          + "row i is a function of the seed and that number alone. A row whose first max_draws candidates "
          + "are outside, or whose context has a NaN or an infinity, is NaN. log_prob is the flow's own; "
          + "less the logarithm of the box's probability (\(prefix)_log_mass) it is that within the box.",
        ["first_row: 0 or more; first_row + rows is at most 2^40"] + box
          + ["max_draws: 1 to \(Self.mostCandidates)"] + contexts
          + [
            "x: rows x \(features)", "log_prob: rows, or NULL if not wanted",
            "draws: rows, how many candidates were drawn for each until one was inside, 0 for a row that",
            "  found none; or NULL if not wanted",
          ]),
      declaration(
        "log_mass", parametersOfMass,
        "The logarithm of the probability of a box\(context > 0 ? " for each context" : ""), from the "
          + "share of so many samples that are inside, and the standard error of that logarithm: "
          + "sqrt((1 - p) / (n p)) for a share p of n samples, where at least one counts as outside. "
          + "-inf, with an infinite error, if none is inside. The samples are those from row 2^62 of the "
          + "seed's sample on\(context > 0 ? ", the same for every context" : "").",
        box + ["draws: 1 to 2^40"]
          + (context > 0
            ? ["context: contexts x \(context)", "log_mass, log_mass_error: contexts each"]
            : ["contexts: 0, since the flow has no context", "log_mass, log_mass_error: 1 each"])
          + ["log_mass_error: or NULL if not wanted"]),
    ].joined(separator: "\n")
  }

  /// The comment and declaration of what comes with `log_prob`.
  var declarationOfDensity: String {
    let contexts = context > 0 ? ["context: context_rows x \(context)"] : []
    return declaration(
      "log_prob_within", parametersOfDensity,
      "The log-density of each row of the flow restricted to a box: the flow's own less log_mass inside, "
        + "-inf outside. A row inside a box whose log_mass is -inf is NaN.",
      ["x: rows x \(features)", "lower, upper: \(features) each, or NULL for no bounds"]
        + [
          "log_mass: \(context > 0 ? "context_rows" : "1"), the logarithm of the box's probability"
        ] + contexts + ["log_prob: rows"])
  }
}

/// `sample_each`, which comes with `sample`: so many samples for each of several contexts.
extension ArtifactSource {
  private var each: String { "\(prefix)_sample_each" }

  var parametersOfEach: String {
    "uint64_t seed, int64_t first_row, const \(real) *context, int64_t contexts, int64_t samples, "
      + "\(real) *x, \(real) *log_prob"
  }

  /// Its comment and declaration in the header.
  var declarationOfEach: String {
    let summary =
      context > 0
      ? "Samples for each of several contexts, and their log-densities. Sample n of context m is row "
        + "first_row + m samples + n of the seed's sample, with the bits that \(prefix)_sample gives if "
        + "each context is repeated for its samples; none is repeated here."
      : "As \(prefix)_sample, for programs that draw from flows with and without context: contexts is 0, "
        + "and there are so many samples."
    let rows = context > 0 ? "contexts x samples" : "samples"
    let lines =
      Self.wrapped(summary) + ["  first_row: 0 or more"]
      + (context > 0 ? ["  context: contexts x \(context)"] : [])
      + ["  x: \(rows) x \(features)", "  log_prob: \(rows), or NULL if not wanted"]
    return "/* " + lines.joined(separator: "\n * ") + " */\nint \(each)(\(parametersOfEach));\n"
  }

  /// Its definition.
  var entryOfEach: String {
    let check =
      context > 0
      ? """
        if (contexts < 0 || samples < 0)
          return flow_fail(1, "%s: contexts is %lld and samples %lld, expected 0 or more",
                           function, (long long)contexts, (long long)samples);
        if (contexts > 0 && samples > FLOW_MOST_ROWS / contexts)
          return flow_fail(1, "%s: contexts is %lld and samples %lld, more than memory can hold",
                           function, (long long)contexts, (long long)samples);
        const int64_t rows = contexts * samples;
        if (rows > 0 && !context)
          return flow_fail(1, "%s: context is NULL, expected %lld x \(context) numbers", function,
                           (long long)contexts);
      """
      : """
        (void)context;
        if (contexts != 0)
          return flow_fail(1, "%s: contexts is %lld, expected 0, since the flow has no context",
                           function, (long long)contexts);
        if (samples < 0 || samples > FLOW_MOST_ROWS)
          return flow_fail(1, "%s: samples is %lld, expected 0 or more, and what memory can hold",
                           function, (long long)samples);
        const int64_t rows = samples;
      """
    let call =
      wide == nil
      ? "flow_sample_call(words, context, rows, first_row, 0, samples, x, log_prob)"
      : "flow_sample_wide(words, first_row, context, rows, contexts, 0, x, log_prob)"
    return """
      FLOW_EXPORT int \(each)(\(parametersOfEach)) {
        const char *function = "\(each)";
        const int status = flow_check_processor(function);
        if (status) return status;
      \(check)
        if (first_row < 0)
          return flow_fail(1, "%s: first_row is %lld, expected 0 or more", function,
                           (long long)first_row);
        if (rows == 0) return 0;
        if (!x) return flow_missing(function, "x");
        const uint32_t words[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
        return flow_finish(function, \(call));
      }


      """
  }
}

/// The definitions of the functions that restrict a flow to a box.
extension ArtifactSource {
  /// The most rows that are drawn in one go: what all of them take stays small.
  private var block: Int { max(1024, min(16384, (1 << 22) / max(features + context, 1))) }

  /// The definition of what comes with `log_prob`.
  var entryOfDensity: String {
    let group = context > 0 ? "rows / context_rows" : "rows"
    return """
      FLOW_EXPORT int \(prefix)_log_prob_within(\(parametersOfDensity)) {
        const char *function = "\(prefix)_log_prob_within";
        const int status = \(prefix)_log_prob(x, context, rows, context_rows, log_prob);
        if (status || rows == 0) return status;
        if (!log_mass) return flow_missing(function, "log_mass");
        if (!lower) lower = flow_lowest;
        if (!upper) upper = flow_highest;
        const int64_t group = \(group);
        for (int64_t i = 0; i < rows; i++) {
          const fk_real *row = x + i * \(features);
          const fk_real mass = log_mass[i / group];
          if (flow_is_inside(row, lower, upper))
            log_prob[i] = mass == -INFINITY ? (fk_real)NAN : log_prob[i] - mass;
          else if (!flow_has_nan(row, \(features)))
            log_prob[i] = -INFINITY;
        }
        return 0;
      }


      """
  }

  /// What the functions share: whether a row is in a box.
  static func boxTests(features: Int) -> String {
    """
    #include <math.h>

    /* The bounds that stand for none. */
    static const fk_real flow_lowest[\(features)] = {[0 ... \(features - 1)] = -INFINITY};
    static const fk_real flow_highest[\(features)] = {[0 ... \(features - 1)] = INFINITY};

    /* Whether a row is in a box, whose bounds belong to it; a NaN is outside. */
    static int flow_is_inside(const fk_real *x, const fk_real *lower, const fk_real *upper) {
      int is_inside = 1;
      for (int i = 0; i < \(features); i++) is_inside &= (x[i] >= lower[i]) & (x[i] <= upper[i]);
      return is_inside;
    }

    static int flow_has_nan(const fk_real *x, int n) {
      for (int i = 0; i < n; i++)
        if (x[i] != x[i]) return 1;
      return 0;
    }


    """
  }

  /// The definitions of what comes with `sample`.
  var entriesOfWithin: String { entryOfRows + entryOfWithin + entryOfMass }

  private var entryOfRows: String {
    let check =
      context > 0
      ? """
        if (rows_per_context < 0 || (rows_per_context > 0 && rows % rows_per_context))
          return flow_fail(1, "%s: rows_per_context is %lld, expected 0 or a divisor of rows", function,
                           (long long)rows_per_context);
        if (rows > 0 && !context) return flow_missing(function, "context");
      """
      : """
        if (rows_per_context != 0)
          return flow_fail(1, "%s: rows_per_context is %lld, expected 0, since the flow has no context",
                           function, (long long)rows_per_context);
      """
    return """
      /* Draws rows of given numbers, or if there are none from a first row on; with a group size of 0
         one context serves all. */
      static int flow_draw(uint64_t seed, const fk_real *context, int64_t rows, int64_t first_row,
                           const int64_t *numbers, int64_t group, fk_real *x, fk_real *log_prob) {
        const uint32_t words[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
      \(context > 0 ? """
          if (group == 0)
            return flow_sample_shared_call(words, context, rows, first_row, numbers, 1, x, log_prob);

        """ : "")\
        return flow_sample_call(words, context, rows, first_row, numbers, group, x, log_prob);
      }

      FLOW_EXPORT int \(prefix)_sample_rows(\(parametersOfRows)) {
        const char *function = "\(prefix)_sample_rows";
        const int status = flow_check_processor(function);
        if (status) return status;
        if (rows < 0 || rows > FLOW_MOST_ROWS)
          return flow_fail(1, "%s: rows is %lld, expected 0 or more, and what memory can hold", function,
                           (long long)rows);
      \(check)
        if (rows == 0) return 0;
        if (!numbers) return flow_missing(function, "numbers");
        if (!x) return flow_missing(function, "x");
        return flow_finish(function, flow_draw(seed, context, rows, 0, numbers, rows_per_context, x, \
      log_prob));
      }


      """
  }

  private var entryOfWithin: String {
    let name = "\(prefix)_sample_within"
    return """
      #define FLOW_BLOCK \(block)
      #define FLOW_SHIFT \(Self.candidateShift)

      /* What drawing a block of rows takes. */
      typedef struct {
        int64_t numbers[FLOW_BLOCK];
        int32_t open[FLOW_BLOCK]; /* the rows of the block that have found none yet */
        fk_real x[FLOW_BLOCK * \(features)];
        fk_real log_prob[FLOW_BLOCK];
        fk_real context[FLOW_BLOCK * \(max(context, 1))];
      } flow_block;

      /* How many candidates to draw for each of `open` rows. Few are drawn beyond the first one inside:
         as many as fill a tile, or an eighth of those that a row needs by the share of `drawn` that was
         inside so far. What is drawn beyond is thrown away and decides nothing. */
      static int64_t flow_tries(int64_t open, int64_t hits, int64_t drawn, int64_t left) {
        int64_t tries = (drawn + 1) / (8 * (hits + 1)), most = fk_least(FLOW_BLOCK / open, left);
        if (tries < FK_TILE / open) tries = FK_TILE / open;
        return tries < 1 ? 1 : fk_least(tries, most);
      }

      /* A row that found none. */
      static void flow_clear_row(fk_real *x, fk_real *log_prob, int64_t *draws) {
        for (int i = 0; i < \(features); i++) x[i] = (fk_real)NAN;
        if (log_prob) *log_prob = (fk_real)NAN;
        if (draws) *draws = 0;
      }

      /* Rows [start, start + n) of a call, in its results. */
      static int flow_fill_block(flow_block *b, uint64_t seed, int64_t first, const fk_real *lower,
                                 const fk_real *upper, int64_t max_draws, const fk_real *context,
                                 int64_t group, int64_t start, int64_t n, fk_real *x,
                                 fk_real *log_prob, int64_t *draws) {
        enum { C = \(context), D = \(features) };
        const fk_real *given = context;
        if (C && group) {
          for (int64_t i = 0; i < n; i++)
            memcpy(b->context + i * C, context + (start + i) / group * C, C * sizeof(fk_real));
          given = b->context;
        }
        if (flow_draw(seed, given, n, first, 0, C && group ? 1 : 0, x, log_prob)) return 1;
        int64_t open = 0, hits = 0, drawn = n;
        /* What a row drew last stays in the results, so that nothing depends on a guess of the processor
           which rows are inside; those that found none are overwritten at the end. */
        for (int64_t i = 0; i < n; i++) {
          int is_missing = 0;
          for (int c = 0; c < C; c++) {
            const fk_real value = given[(group ? i : 0) * C + c];
            is_missing |= value - value != 0;
          }
          const int is_inside = flow_is_inside(x + i * D, lower, upper);
          if (is_missing) {
            flow_clear_row(x + i * D, log_prob ? log_prob + i : 0, draws ? draws + i : 0);
            continue;
          }
          if (draws) draws[i] = 1;
          b->open[open] = (int32_t)i;
          open += !is_inside;
          hits += is_inside;
        }
        for (int64_t t = 1; open && t < max_draws;) {
          const int64_t tries = flow_tries(open, hits, drawn, max_draws - t);
          for (int64_t i = 0; i < open; i++) {
            for (int64_t j = 0; j < tries; j++)
              b->numbers[i * tries + j] = first + b->open[i] + ((t + j) << FLOW_SHIFT);
            if (C && group)
              memcpy(b->context + i * C, context + (start + b->open[i]) / group * C, C * sizeof(fk_real));
          }
          if (flow_draw(seed, given, open * tries, 0, b->numbers, C && group ? tries : 0, b->x,
                        b->log_prob))
            return 1;
          int64_t left = 0;
          for (int64_t i = 0; i < open; i++) {
            const int64_t row = b->open[i];
            const int64_t last = (i + 1) * tries - 1;
            int64_t j = i * tries;
            while (j < last && !flow_is_inside(b->x + j * D, lower, upper)) j++;
            const int is_inside = flow_is_inside(b->x + j * D, lower, upper);
            memcpy(x + row * D, b->x + j * D, D * sizeof(fk_real));
            if (log_prob) log_prob[row] = b->log_prob[j];
            if (draws) draws[row] = t + j - i * tries + 1;
            drawn += j - i * tries + 1;
            hits += is_inside;
            b->open[left] = (int32_t)row;
            left += !is_inside;
          }
          open = left;
          t += tries;
        }
        for (int64_t i = 0; i < open; i++) {
          const int64_t row = b->open[i];
          flow_clear_row(x + row * D, log_prob ? log_prob + row : 0, draws ? draws + row : 0);
        }
        return 0;
      }

      FLOW_EXPORT int \(name)(\(parametersOfWithin)) {
        const char *function = "\(name)";
        const int status = flow_check(function, context, rows, context_rows);
        if (status || rows == 0) return status;
        if (first_row < 0 || first_row > ((int64_t)1 << FLOW_SHIFT) - rows)
          return flow_fail(1, "%s: the rows from %lld on, %lld, expected some of the first 2^40", function,
                           (long long)first_row, (long long)rows);
        if (max_draws < 1 || max_draws > \(Self.mostCandidates))
          return flow_fail(1, "%s: max_draws is %lld, expected 1 to \(Self.mostCandidates)", function,
                           (long long)max_draws);
        if (!x) return flow_missing(function, "x");
        const int64_t group = \(context > 0 ? "context_rows == 1 ? 0 : rows / context_rows" : "0");
        if (!lower) lower = flow_lowest;
        if (!upper) upper = flow_highest;
        flow_block *block = malloc(sizeof(flow_block));
        int failed = !block;
        for (int64_t start = 0; start < rows && !failed; start += FLOW_BLOCK)
          failed = flow_fill_block(
              block, seed, first_row + start, lower, upper, max_draws, context, group, start,
              fk_least(FLOW_BLOCK, rows - start), x + start * \(features),
              log_prob ? log_prob + start : 0, draws ? draws + start : 0);
        free(block);
        return flow_finish(function, failed);
      }


      """
  }

  private var entryOfMass: String {
    let name = "\(prefix)_log_mass"
    let check =
      context > 0
      ? """
        if (contexts < 0 || contexts > FLOW_MOST_ROWS)
          return flow_fail(1, "%s: contexts is %lld, expected 0 or more", function, (long long)contexts);
        if (contexts > 0 && !context) return flow_missing(function, "context");
        const int64_t count = contexts;
      """
      : """
        (void)context;
        if (contexts != 0)
          return flow_fail(1, "%s: contexts is %lld, expected 0, since the flow has no context",
                           function, (long long)contexts);
        const int64_t count = 1;
      """
    return """
      FLOW_EXPORT int \(name)(\(parametersOfMass)) {
        const char *function = "\(name)";
        const int status = flow_check_processor(function);
        if (status) return status;
      \(check)
        if (draws < 1 || draws > (int64_t)1 << FLOW_SHIFT)
          return flow_fail(1, "%s: draws is %lld, expected 1 to 2^40", function, (long long)draws);
        if (!log_mass) return flow_missing(function, "log_mass");
        if (!lower) lower = flow_lowest;
        if (!upper) upper = flow_highest;
        flow_block *block = malloc(sizeof(flow_block));
        int failed = !block;
        for (int64_t m = 0; m < count && !failed; m++) {
          const fk_real *own = \(context > 0 ? "context + m * \(context)" : "0");
          int64_t hits = 0;
          for (int64_t start = 0; start < draws && !failed; start += FLOW_BLOCK) {
            const int64_t n = fk_least(FLOW_BLOCK, draws - start);
            failed = flow_draw(seed, own, n, ((int64_t)1 << 62) + start, 0, 0, block->x, 0);
            for (int64_t i = 0; i < n; i++) hits += flow_is_inside(block->x + i * \(features), lower, upper);
          }
          int is_missing = 0;
          for (int c = 0; c < \(context); c++) is_missing |= own[c] - own[c] != 0;
          const int64_t outside = hits == draws ? 1 : draws - hits;
          log_mass[m] = is_missing ? (fk_real)NAN : (fk_real)log((double)hits / (double)draws);
          if (log_mass_error)
            log_mass_error[m] =
                is_missing ? (fk_real)NAN
                           : (fk_real)sqrt((double)outside / ((double)hits * (double)draws));
        }
        free(block);
        return flow_finish(function, failed);
      }


      """
  }
}

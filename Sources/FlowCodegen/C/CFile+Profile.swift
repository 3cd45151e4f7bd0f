import FlowIR

/// Counters around each node of a tile program, in a file that is made for profiling.
///
/// Such a file also defines `NAME_profile(counts)`, which gives and resets the counts of every node,
/// summed over threads, in the order of `TileProgram.work(on:)`; and `NAME_tick_seconds()`, how long a
/// tick is. The time of a node includes that of the nodes within.
extension CFile {
  /// The counts of a node, in order.
  public enum Counter: Int, CaseIterable, Sendable {
    /// The time in the node, in ticks of the processor's clock.
    case ticks
    /// How often it was called.
    case calls
    /// Of roots: rows of elements that were searched. Of differential equations: rows.
    case searches
    /// Evaluations of the function or of the derivatives, in rows that were still on their way.
    case evaluations
    /// All evaluations: those of rows that waited for others, or in lanes without a row, among them.
    case passes

    /// The place of a node's counter among those of all nodes.
    public func index(of node: Int) -> Int { node * Self.allCases.count + rawValue }
  }

  /// The numbers of a program's nodes.
  static func counters(_ program: TileProgram) -> [ObjectIdentifier: Int] {
    let nodes = program.phases.flatMap { $0.nodes.flatMap(\.all) }
    return Dictionary(
      uniqueKeysWithValues: nodes.enumerated().map { (ObjectIdentifier($1), $0) })
  }

  /// What counting needs, before everything else.
  var profileStart: String {
    let count = max(Counter.allCases.count * counters.count, 1)
    return """
      #include <time.h>
      static _Thread_local uint64_t fk_counts[\(count)];
      static uint64_t fk_all_counts[\(count)];
      FK_INLINE double fk_seconds(void) {
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
      }
      FK_INLINE uint64_t fk_ticks(void) {
      #ifdef __x86_64__
        return __builtin_ia32_rdtsc();
      #else
        return (uint64_t)(1e9 * fk_seconds());
      #endif
      }
      FK_ENTRY double \(name)_tick_seconds(void) {
        const double start = fk_seconds();
        const uint64_t first = fk_ticks();
        while (fk_seconds() < start + 0.02) {}
        return (fk_seconds() - start) / (double)(fk_ticks() - first);
      }
      FK_ENTRY void \(name)_profile(uint64_t *counts) {
        for (int i = 0; i < \(count); i++)
          counts[i] = __atomic_exchange_n(&fk_all_counts[i], 0, __ATOMIC_RELAXED);
      }
      /* Adds what a thread has counted. */
      static void fk_count(void) {
        for (int i = 0; i < \(count); i++) {
          __atomic_fetch_add(&fk_all_counts[i], fk_counts[i], __ATOMIC_RELAXED);
          fk_counts[i] = 0;
        }
      }

      """
  }
}

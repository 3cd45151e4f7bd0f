import FlowIR
import Foundation

/// What bounds compiled code on this machine, measured in this process.
public struct MachineLimits: Sendable {
  /// Operations of fused multiply-adds a second, two each, on all threads together.
  public let flops: Double
  /// Numbers that simple vector instructions make in a second: additions beside multiply-adds.
  public let instructions: Double
  /// Numbers that are divided in a second.
  public let divisions: Double
  /// Bytes that all threads together read from memory in a second.
  public let bandwidth: Double
  /// The instructions that it was measured with.
  public let instructionSet: InstructionSet

  /// Measures for about a quarter of a second, with the vectors of a processor.
  ///
  /// - Throws: `RuntimeError` if there is no compiler or OpenMP runtime, or memory runs out.
  public init(dtype: DType, threads: Int, cpu: TargetCPU = .native) throws(RuntimeError) {
    let text = KernelHeaders.text(for: Self.program, dtype: dtype) + Self.program
    let path = try ObjectCache().object(for: text, toolchain: try .find(), cpu: cpu)
    guard let handle = dlopen(path, RTLD_NOW | RTLD_LOCAL) else {
      throw .loading(path, String(cString: dlerror()))
    }
    guard let symbol = dlsym(handle, "flow_limits") else {
      throw .loadFailed(path: path, reason: "its entry point is missing")
    }
    typealias Measure = @convention(c) (Int32, UnsafeMutablePointer<Double>) -> Int32
    var values = [0.0, 0, 0, 0, 0]
    guard unsafeBitCast(symbol, to: Measure.self)(Int32(threads), &values) == 0 else {
      throw .outOfMemory
    }
    (flops, instructions, divisions) = (values[0], values[1], values[2])
    bandwidth = values[3]
    instructionSet = InstructionSet(float64: dtype == .f64, avx512: values[4] == 1)
  }

  /// Each thread measures its own best rate while the others do the same.
  private static let program = """

    #include <time.h>
    #include <stdlib.h>
    #ifdef __AVX512F__
    enum { PROBE_AVX512 = 1 };
    #else
    enum { PROBE_AVX512 = 0 };
    #endif
    enum { PROBE_SUMS = 6 * FK_VECTORS, PROBE_BYTES = 48 << 20 };

    static double probe_now(void) {
      struct timespec t;
      clock_gettime(CLOCK_MONOTONIC, &t);
      return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
    }

    /* Numbers made in a second by independent chains of an operation. */
    #define DEFINE_PROBE(NAME, ROUNDS, OPERATION) \\
      static double NAME(void) { \\
        volatile fk_real factor = 0.5, term = 1; \\
        const fk_vec a = fk_splat(factor), b = fk_splat(term); \\
        double best = 0; \\
        for (const double end = probe_now() + 0.05; probe_now() < end;) { \\
          fk_vec sum[PROBE_SUMS]; \\
          for (int i = 0; i < PROBE_SUMS; i++) sum[i] = b * (fk_real)(i + 1); \\
          const double start = probe_now(); \\
          for (int n = 0; n < ROUNDS; n++) { \\
            FK_UNROLL \\
            for (int i = 0; i < PROBE_SUMS; i++) sum[i] = OPERATION; \\
          } \\
          const double rate = (double)FK_LANES * PROBE_SUMS * ROUNDS / (probe_now() - start); \\
          for (int i = 1; i < PROBE_SUMS; i++) sum[0] += sum[i]; \\
          volatile fk_real sink = sum[0][0]; \\
          (void)sink; \\
          if (rate > best) best = rate; \\
        } \\
        return best; \\
      }
    DEFINE_PROBE(probe_products, 20000, sum[i] * a + b)
    DEFINE_PROBE(probe_instructions, 20000, i % 2 ? sum[i] * a + b : sum[i] + b)
    DEFINE_PROBE(probe_divisions, 2000, b / sum[i])

    static double probe_bandwidth(const fk_vec *memory) {
      double best = 0;
      for (const double end = probe_now() + 0.05; probe_now() < end;) {
        const double start = probe_now();
        fk_vec sum[8] = {{0}};
        for (int i = 0; i < PROBE_BYTES / FK_BYTES; i += 8) {
          FK_UNROLL
          for (int n = 0; n < 8; n++) sum[n] += memory[i + n];
        }
        const double rate = PROBE_BYTES / (probe_now() - start);
        for (int n = 1; n < 8; n++) sum[0] += sum[n];
        volatile fk_real sink = sum[0][0];
        (void)sink;
        if (rate > best) best = rate;
      }
      return best;
    }

    FK_ENTRY int flow_limits(int threads, double *limits) {
      double flops = 0, instructions = 0, divisions = 0, bandwidth = 0;
      int failed = 0;
    #pragma omp parallel num_threads(threads) \\
        reduction(+ : flops, instructions, divisions, bandwidth, failed)
      {
        fk_vec *memory = aligned_alloc(FK_BYTES, PROBE_BYTES);
        if (memory) memset(memory, 0, PROBE_BYTES);
        else failed = 1;
    #pragma omp barrier
        flops = 2 * probe_products();
    #pragma omp barrier
        instructions = probe_instructions();
    #pragma omp barrier
        divisions = probe_divisions();
    #pragma omp barrier
        if (memory) bandwidth = probe_bandwidth(memory);
        free(memory);
      }
      limits[0] = flops;
      limits[1] = instructions;
      limits[2] = divisions;
      limits[3] = bandwidth;
      limits[4] = PROBE_AVX512;
      return failed;
    }

    """
}

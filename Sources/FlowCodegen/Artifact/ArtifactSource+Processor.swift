extension ArtifactSource {
  /// Extensions of x86 that a compiler may use unasked when it is told the processor: the macro that
  /// it defines then, and the name under which `__builtin_cpu_supports` knows it.
  private static let extensions = [
    ("SSE4_2", "sse4.2"), ("AVX", "avx"), ("FMA", "fma"), ("FMA4", "fma4"), ("XOP", "xop"),
    ("BMI", "bmi"), ("BMI2", "bmi2"), ("AVX2", "avx2"), ("AVX512F", "avx512f"),
    ("AVX512VL", "avx512vl"), ("AVX512BW", "avx512bw"), ("AVX512DQ", "avx512dq"),
    ("AVX512CD", "avx512cd"), ("AVX512VBMI", "avx512vbmi"), ("AVX512VBMI2", "avx512vbmi2"),
  ]

  /// The C function that names what the file was compiled for and the processor lacks, so that a
  /// call fails with a message rather than by an illegal instruction.
  static var processorCheck: String {
    let checks = extensions.map { macro, name in
      """
      #ifdef __\(macro)__
        if (!__builtin_cpu_supports("\(name)")) return "\(name)";
      #endif
      """
    }.joined(separator: "\n")
    return """
      /* An extension that this file was compiled for and the processor lacks, or NULL. */
      FLOW_PLAIN static const char *flow_lacking(void) {
      #ifdef __x86_64__
        __builtin_cpu_init();
      \(checks)
      #endif
        return 0;
      }

      """
  }
}

extension ArtifactSource {
  /// Extensions of x86 that a compiler may use unasked when it is told the processor.
  ///
  /// `macro` is what it defines then; `bit` of a register of a leaf of cpuid says whether the
  /// processor has it (Intel's Software Developer's Manual, volume 2A, and AMD's, volume 3); `saved`
  /// are the bits of XCR0 that say whether the system saves the registers that it uses.
  private struct Extension {
    let macro: String
    let name: String
    let leaf: String
    let register: Register
    let bit: Int
    let saved: String

    /// The register's place among eax, ebx, ecx and edx.
    enum Register: Int {
      case ebx = 1
      case ecx = 2
    }

    init(
      _ macro: String, _ name: String, _ leaf: String, _ register: Register, _ bit: Int,
      saved: String = "0x6"
    ) {
      self.macro = macro
      self.name = name
      self.leaf = leaf
      self.register = register
      self.bit = bit
      self.saved = saved
    }
  }

  private static let extensions = [
    Extension("SSE4_2", "sse4.2", "1", .ecx, 20, saved: "0x0"),
    Extension("AVX", "avx", "1", .ecx, 28), Extension("FMA", "fma", "1", .ecx, 12),
    Extension("FMA4", "fma4", "0x80000001", .ecx, 16),
    Extension("XOP", "xop", "0x80000001", .ecx, 11),
    Extension("BMI", "bmi", "7", .ebx, 3, saved: "0x0"),
    Extension("BMI2", "bmi2", "7", .ebx, 8, saved: "0x0"), Extension("AVX2", "avx2", "7", .ebx, 5),
    Extension("AVX512F", "avx512f", "7", .ebx, 16, saved: "0xe6"),
    Extension("AVX512VL", "avx512vl", "7", .ebx, 31, saved: "0xe6"),
    Extension("AVX512BW", "avx512bw", "7", .ebx, 30, saved: "0xe6"),
    Extension("AVX512DQ", "avx512dq", "7", .ebx, 17, saved: "0xe6"),
    Extension("AVX512CD", "avx512cd", "7", .ebx, 28, saved: "0xe6"),
    Extension("AVX512VBMI", "avx512vbmi", "7", .ecx, 1, saved: "0xe6"),
    Extension("AVX512VBMI2", "avx512vbmi2", "7", .ecx, 6, saved: "0xe6"),
  ]

  /// The C function that names what the file was compiled for and the processor lacks, so that a
  /// call fails with a message rather than by an illegal instruction.
  ///
  /// It asks the processor itself: what `__builtin_cpu_supports` reads is not filled in by every
  /// compiler's runtime.
  static var processorCheck: String {
    let checks = extensions.map { one in
      """
      #ifdef __\(one.macro)__
        if (!flow_has(\(one.leaf), \(one.register.rawValue), \(one.bit), \(one.saved))) return "\(one.name)";
      #endif
      """
    }.joined(separator: "\n")
    return """
      #ifdef __x86_64__
      #include <cpuid.h>
      /* Whether a bit of eax, ebx, ecx or edx (0 to 3) of a leaf of cpuid is set, and the system saves
         the registers that these bits of XCR0 stand for. */
      FLOW_PLAIN static int flow_has(unsigned leaf, int index, int bit, unsigned saved) {
        unsigned r[4], low, high;
        __cpuid(leaf & 0x80000000u, r[0], r[1], r[2], r[3]);
        if (r[0] < leaf) return 0;
        if (saved) {
          __cpuid(1, r[0], r[1], r[2], r[3]);
          if (!(r[2] >> 27 & 1)) return 0;
          __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
          if ((low & saved) != saved) return 0;
        }
        __cpuid_count(leaf, 0, r[0], r[1], r[2], r[3]);
        return r[index] >> bit & 1;
      }
      #endif
      FLOW_PLAIN static const char *flow_find_lacking(void) {
      #ifdef __x86_64__
      \(checks)
      #endif
        return 0;
      }
      /* An extension that this file was compiled for and the processor lacks, or NULL; asked once, since
         a virtual machine takes microseconds to answer. */
      FLOW_PLAIN static const char *flow_lacking(void) {
        static const char *found;
        static int is_known;
        if (!__atomic_load_n(&is_known, __ATOMIC_ACQUIRE)) {
          __atomic_store_n(&found, flow_find_lacking(), __ATOMIC_RELAXED);
          __atomic_store_n(&is_known, 1, __ATOMIC_RELEASE);
        }
        return __atomic_load_n(&found, __ATOMIC_RELAXED);
      }

      """
  }
}

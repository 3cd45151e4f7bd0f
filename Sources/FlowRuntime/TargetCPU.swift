/// The processors that an artifact can be compiled for.
public enum TargetCPU: String, CaseIterable, Sendable {
  /// The one of this machine.
  case native
  /// Every x86 processor of 64 bits: SSE2.
  case x86Base = "x86-64"
  /// AVX2 and FMA: most of those since 2013.
  case x86V3 = "x86-64-v3"
  /// AVX-512.
  case x86V4 = "x86-64-v4"
}

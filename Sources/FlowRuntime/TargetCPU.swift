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

extension TargetCPU {
  /// The x86 processors that the one of this machine can run the code of, the oldest first; none on others.
  package static var runnable: [TargetCPU] {
    #if arch(x86_64)
      let features = Processor.current.features
      return [.x86Base, .x86V3, .x86V4].filter { features.isSuperset(of: $0.extensions) }
    #else
      return []
    #endif
  }

  /// What the code of this processor uses beyond SSE2, by the system's names.
  private var extensions: Set<String> {
    let v3: Set = ["avx2", "bmi1", "bmi2", "f16c", "fma", "movbe"]
    switch self {
    case .native, .x86Base: return []
    case .x86V3: return v3
    case .x86V4: return v3.union(["avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"])
    }
  }
}
